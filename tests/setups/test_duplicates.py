import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from ray_mtlkd import setups
from ray_mtlkd.setups.duplicates import Duplicates, between, said_seen, within


def test_rows_of_one_split_are_counted_in_another(files):
    files.change("text", ["hello", "hello"], splits=("test",))
    files.change("text", ["hello", "new"], splits=("valid",))
    (task,) = files.written().tasks
    assert within(task) == {("valid", "train"): 1, ("test", "train"): 2, ("test", "valid"): 2}


def test_vectors_have_no_duplicates():
    assert within(setups.read("similar", data_dir=None).tasks[0]) is None


def test_test_rows_in_another_task_s_train_are_counted(files):
    files.write()
    (files.folder / "chat").mkdir()
    for split, texts in (("train", ["oh hello", "x"]), ("valid", ["y", "z"]), ("test", ["hello", "pay now"])):
        pq.write_table(pa.table({"text": texts, "label": [0, 1]}), files.folder / "chat" / f"{split}.parquet")
    tasks = {"intent": files.spec, "tone": {**files.spec, "data": "chat"}}
    files.manifest.write_text(yaml.safe_dump({"name": "shop", "tasks": tasks}))
    assert between(files.read()) == (
        Duplicates(task="intent", other="tone", rows=1),
        Duplicates(task="tone", other="intent", rows=2),
    )


def test_tasks_that_label_the_same_rows_do_not_leak_into_each_other(files):
    files.write()
    own = {key: files.spec[key] for key in ("kind", "label", "metric")}
    shared = {"data": "mail", "text": ["text"]}
    files.manifest.write_text(yaml.safe_dump({"name": "shop", "shared": shared, "tasks": {"a": own, "b": own}}))
    assert between(files.read()) == ()


def test_rows_that_have_more_than_texts_are_the_same_where_all_of_it_is(files):
    files.spec["columns"] = {"numeric": ["x"]}
    files.spec["unlabelled"] = "more"
    files.change("x", [1.0, 2.0, None, 4.0], splits=("train",))
    files.change("text", ["hello", "pay me"], splits=("valid",))
    files.change("x", [4.0, 2.0], splits=("valid",))
    files.change("text", ["pay me", "hello"], splits=("test",))
    files.change("x", [None, 1.0], splits=("test",))
    files.tables["more"] = {"text": ["pay me"], "x": [2.0], "label": [0]}
    raw = files.written()
    assert within(raw.tasks[0]) == {("valid", "train"): 1, ("test", "train"): 1, ("test", "valid"): 0}
    (said,) = said_seen(raw.tasks[0])
    assert "1 of 2 rows of valid" in said
