"""Tables without labels, which teachers may label."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ray_mtlkd import setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.data.features import BagFeatures, DenseFeatures
from ray_mtlkd.data.inputs import take
from ray_mtlkd.setups.features import build
from ray_mtlkd.setups.summary import summarise
from ray_mtlkd.sweep.foresight import unused_tables
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.space import decode_space
from ray_mtlkd.training.transfer import transfer_set

MORE = ["oh pay", "zebra", "pay me now", "hello you"]


@pytest.fixture
def written(files):
    """Writes the setup with more rows, of the given columns, in its folder; returns it as it is read."""

    def write(more=None, **spec):
        files.spec.update(unlabelled="others", **spec)
        files.write()
        pq.write_table(pa.table(more or {"text": MORE}), files.path("others"))
        return files.read()

    return write


def test_rows_without_labels_follow_those_of_train_and_are_featurised_as_these_are(written):
    raw = written()
    (table,) = as_tensors(setups.featurise(raw, BagFeatures())).tasks
    assert table.train.row_ids.tolist() == [0, 1, 2, 3]
    assert table.unlabelled.tolist() == [4, 5, 6, 7]
    assert summarise(raw)[0].unlabelled == 4
    fitted = setups.fit_featurisers(raw, BagFeatures())["intent"]
    expected = fitted.transform(raw.tasks[0].unlabelled)
    found = take(table.train.inputs, table.unlabelled)
    assert found.ids.tolist() == expected.ids.tolist()
    assert found.weights.tolist() == expected.weights.tolist()


def test_rows_of_train_that_lack_a_label_are_among_them(written, files):
    files.change("label", [0, None, 0, 1], splits=("train",))
    (table,) = as_tensors(setups.featurise(written(missing_labels="skip"), BagFeatures())).tasks
    assert table.train.row_ids.tolist() == [0, 2, 3]
    assert table.unlabelled.tolist() == [1, 4, 5, 6, 7]
    for asked in ("unlabelled", "all"):
        rows = transfer_set(as_tensors(setups.featurise(files.read(), BagFeatures())), 0, asked)
        assert rows.examples.row_ids.tolist() == [0, 2, 3, 1, 4, 5, 6, 7]
        assert [(part.table, part.rows) for part in rows.tables] == [("intent/train", 3), ("intent/unlabelled", 5)]


def test_no_fit_and_no_vocabulary_knows_them(written, files):
    (with_more,) = setups.featurise(written(), BagFeatures()).tasks
    files.spec.pop("unlabelled")
    (without,) = setups.featurise(files.written(), BagFeatures()).tasks
    assert with_more.task == without.task
    assert with_more.trivial_test == without.trivial_test
    count = len(without.train.inputs.ids)
    assert np.array_equal(with_more.train.inputs.weights[:count], without.train.inputs.weights)


def test_features_from_the_cache_have_them_too(written, tmp_path, monkeypatch):
    raw = written()
    made = setups.featurise(raw, BagFeatures())
    monkeypatch.setenv("MTLKD_CACHE", str(tmp_path / "cache"))
    setups.featurise(raw, BagFeatures())
    monkeypatch.setattr(build, "_make", None)
    assert setups.featurise(raw, BagFeatures()).fingerprint == made.fingerprint


def test_other_rows_without_labels_are_other_content(written):
    one, other = setups.content_of(written()), setups.content_of(written({"text": MORE[::-1]}))
    assert {path for path in one if one[path] != other[path]} == {"tables.intent.unlabelled"}


@pytest.mark.parametrize(
    ("spec", "columns"),
    [
        ({}, {}),
        ({"text": None, "pair": ["text", "text2"], "kind": "binary", "metric": "f1"}, {"text2": str.upper}),
        ({"text": None, "tokens": "words"}, {"words": str.split}),
    ],
    ids=["text", "pair", "tokens"],
)
def test_texts_of_valid_and_test_that_stand_there_are_warned_of(written, files, spec, columns, worded):
    more = {"text": ["oh hello", "pay you", "pay"]}
    for column, make in columns.items():
        more[column] = [make(text) for text in more["text"]]
        for table in files.tables.values():
            table[column] = [make(text) for text in table["text"]]
    for warning in written(more, **spec).warnings:
        worded(warning)


def test_categories_are_those_of_train_and_new_ones_are_told(written, files, worded):
    for table in files.tables.values():
        table["city"] = ["1", "2", "1", "2"][: len(table["text"])]
    raw = written({"city": [1.0, 3.0, 2.0]}, text=None, columns={"categorical": ["city"]})
    assert raw.tasks[0].unlabelled["city"].to_pylist() == ["1", "3", "2"]
    worded(raw.warnings[0])
    (table,) = setups.featurise(raw, DenseFeatures(rare=1)).tasks
    assert table.train.inputs.codes[table.unlabelled, 0].tolist() == [1, 0, 2]


def test_vectors_of_another_length_are_refused(written, files, refused):
    for table in files.tables.values():
        table["vector"] = [[1.0, 2.0]] * len(table["text"])
    with refused():
        written({"vector": [[1.0, 2.0, 3.0]]}, text=None, vector="vector")


@pytest.mark.parametrize(
    "more",
    [{"other": MORE}, {"text": pa.array([], pa.string())}, {"text": ["a", None]}],
    ids=["no column", "no rows", "a null"],
)
def test_a_table_that_does_not_fit_is_refused_at_its_place(written, more, refused):
    with refused():
        written(more)


def test_a_table_that_is_not_there_is_refused(written, files, refused):
    written()
    files.path("others").unlink()
    with refused():
        files.read()


@pytest.mark.parametrize(("strategy", "told"), [("sum", 1), ("joint_kd", 1), ("all", 0)])
def test_rows_that_no_strategy_distils_from_are_told(written, files, strategy, told, worded):
    written()
    strategies = [{"name": "joint_kd", "kd": {"rows": "all"}}] if strategy == "all" else [strategy]
    value = {"name": "more", "setups": [str(files.manifest)], "encoder": {"name": "bag"}, "strategies": strategies}
    value |= {
        "training": {"steps": 30, "batch_size": 2},
        "replicate": {"seeds": [1, 2, 3]},
        "search": {"configurations": 1},
    }
    found = prepare(decode_space(value, where="x"))
    said = list(unused_tables(found.plan.distinct(), {"shop": files.read()}))
    assert len(said) == told
    assert set(said) <= set(found.warnings)
    for line in said:
        worded(line)
