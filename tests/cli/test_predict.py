import sys

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from ray_mtlkd.cli import main
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.predict.model_folder import load
from ray_mtlkd.predict.predictions import predict_table
from ray_mtlkd.storage import Storage
from tests.keeping import TAG_TASKS, TEXT_TASKS, keep_model, text_setup, text_table

TABLE = text_table(12).append_column("id", [[f"{at:03}" for at in range(12)]])


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """A model of two tasks: a class and a yes or no."""
    encoder = BagOfNgrams(hidden=(8,), buckets=256)
    return keep_model(text_setup(TEXT_TASKS), encoder, tmp_path_factory.mktemp("kept") / "texts")


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """The same, and one that tags."""
    encoder = Cnn(embedding=4, channels=4, widths=(1, 3), wide=4)
    return keep_model(text_setup(TAG_TASKS), encoder, tmp_path_factory.mktemp("kept") / "words")


@pytest.fixture
def data(tmp_path):
    """The rows as a Parquet file."""
    pq.write_table(TABLE, tmp_path / "new.parquet")
    return tmp_path / "new.parquet"


@pytest.fixture
def predict(monkeypatch, capsys, tmp_path):
    """Runs the command in the test's folder; returns its exit code and what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(kept, data, *options):
        named = [str(getattr(kept, "uri", kept)), "--data", str(data)]
        monkeypatch.setattr(sys, "argv", ["ray-mtlkd", "predict", *named, *map(str, options)])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0, capsys.readouterr()

    return run


def test_all_tasks_are_predicted_unless_some_are_named(predict, texts, data, tmp_path):
    out = tmp_path / "out.parquet"
    code, said = predict(texts, data, "--key", "id", "--out", out)
    assert (code, said.out) == (0, f"12 rows by t → {out}\n")
    found = pq.read_table(out)
    assert found["row"].to_pylist() == list(range(12))
    assert found["id"].equals(TABLE["id"])
    kept = load(Storage.at(texts.uri))
    for task in TEXT_TASKS:
        for name, column in zip(*_answers(kept, task), strict=True):
            assert found[name].equals(column)
    predict(texts, data, "--task", "match", "--out", tmp_path / "one.parquet")
    names = pq.read_schema(tmp_path / "one.parquet").names
    assert names == ["row", "match_prediction", "match_probability"]


def _answers(kept, task):
    found = predict_table(kept, task, TABLE, where="table")
    return found.column_names, found.columns


def test_a_csv_goes_in_and_out_with_identities_as_they_are(predict, texts, tmp_path):
    pyarrow.csv.write_csv(TABLE.select(["text", "id"]), tmp_path / "new.csv")
    options = ["--task", "intent", "--key", "id", "--out", tmp_path / "out.csv"]
    assert predict(texts, tmp_path / "new.csv", *options)[0] == 0
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == '"row","id","intent_prediction","intent_probability"'
    assert [line.split(",")[1] for line in lines[1:]] == [f'"{at:03}"' for at in range(12)]


def test_files_of_a_pattern_are_numbered_on_and_classes_have_their_probabilities(predict, texts, tmp_path):
    for name, start in (("b", 6), ("a", 0)):
        pyarrow.csv.write_csv(TABLE.select(["text"]).slice(start, 6), tmp_path / f"{name}.csv")
    options = ["--task", "intent", "--probabilities", "--out", tmp_path / "out.parquet"]
    assert predict(texts, "*.csv", *options)[0] == 0
    found = pq.read_table(tmp_path / "out.parquet")
    kept = load(Storage.at(texts.uri))
    said = predict_table(kept, "intent", TABLE, probabilities=True)
    assert found.equals(said.add_column(0, "row", [list(range(12))]))


def test_tags_go_into_a_file_that_holds_lists(predict, words, data, tmp_path):
    out = tmp_path / "out.arrow"
    assert predict(words, data, "--task", "names", "--out", out)[0] == 0
    found = pyarrow.feather.read_table(out)
    assert [len(tags) for tags in found["names_prediction"]] == [len(row) for row in TABLE["words"]]
    assert set(pa.compute.list_flatten(found["names_prediction"]).to_pylist()) <= {"B-X", "O"}


def test_without_a_file_some_rows_are_shown_and_nothing_is_written(predict, words, data, tmp_path):
    code, said = predict(words, data)
    assert code == 0
    assert "10 of 12 rows by t; --out writes them all" in said.out
    assert said.out.splitlines()[1].split() == ["row", *TAG_TASKS]
    found = {task: _answers(load(Storage.at(words.uri)), task)[1] for task in TAG_TASKS}
    intent, probability = (column[9].as_py() for column in found["intent"])
    assert f" 9 {intent} ({probability:.2f}) " in " ".join(said.out.split())
    assert ", ".join(found["names"][0][9].as_py()) in said.out
    assert [path.name for path in tmp_path.iterdir()] == ["new.parquet"]


def test_names_of_columns_stand_in_the_terminal_as_they_are(predict, texts, data):
    pq.write_table(TABLE.append_column("price[/eur]", TABLE["id"]), data)
    code, said = predict(texts, data, "--task", "intent", "--key", "price[/eur]")
    assert code == 0
    assert said.out.splitlines()[1].split() == ["row", "price[/eur]", "intent"]


def test_a_broken_file_is_one_line_whatever_the_number_of_tasks(predict, words, tmp_path, worded):
    (tmp_path / "new.csv").touch()
    code, said = predict(words, "new.csv")
    assert code == 2
    worded(said.err)


@pytest.mark.parametrize(
    "options",
    [
        ["--task", "intnt"],
        ["--out", "there/new.xls"],
        ["--out", "missing/new.csv"],
        ["--out", "new.parquet"],
        ["--out", "out.csv"],
        ["--key", "row"],
        ["--key", "idd"],
        ["--data", "nothing.csv"],
        ["--data", "notes.txt"],
        ["--data", "empty.csv"],
        ["--data", "other.csv"],
    ],
    ids=" ".join,
)
def test_a_mistake_is_a_line_and_writes_nothing(predict, words, data, options, worded):
    tmp_path = data.parent
    pyarrow.csv.write_csv(TABLE.slice(0, 0).select(["text"]), "empty.csv")
    pyarrow.csv.write_csv(TABLE.select(["text"]), "other.csv")
    before = sorted(tmp_path.iterdir())
    tasks = ["--task", "intent"] if options[-1] == "empty.csv" else []
    code, printed = predict(words, data, *tasks, *options)
    assert code == 2
    worded(printed.err)
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_without_a_model_is_an_error(predict, data, worded):
    code, printed = predict("nowhere", data)
    assert code == 2
    worded(printed.err)


@pytest.mark.parametrize(
    ("options", "place"),
    [
        (["--task", "intent", "--key", "words", "--out", "out.csv"], "--out out.csv: "),
        (["--data", "broken.parquet"], "broken.parquet: "),
    ],
)
def test_what_pyarrow_cannot_do_is_a_line_with_its_place(predict, words, data, options, place):
    data.with_name("broken.parquet").write_bytes(data.read_bytes()[:100])
    before = sorted(data.parent.iterdir())
    code, printed = predict(words, data, *options)
    assert code == 2
    assert printed.err.startswith(f"error: {place}")
    assert sorted(data.parent.iterdir()) == before


def test_a_disk_that_is_full_leaves_no_half_of_a_file(predict, texts, data, tmp_path, monkeypatch):
    def fill(table, stream):
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    from ray_mtlkd.cli import predict as module  # noqa: PLC0415 - the verb has the name here

    monkeypatch.setitem(module._WRITERS, ".csv", fill)
    code, printed = predict(texts, data, "--out", tmp_path / "out.csv")
    assert code == 2
    assert "No space left" in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["new.parquet"]
