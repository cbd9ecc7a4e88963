"""Which files a user means, and what tasks read of them."""

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.predict.files import find_tables, read_tables
from ray_mtlkd.setups.requests import TableRequest

WANTED = {"a": TableRequest(("text",))}


def _csv(path, *texts):
    path.parent.mkdir(exist_ok=True)
    pyarrow.csv.write_csv(pa.table({"text": texts, "id": [f"0{at}" for at in range(len(texts))]}), path)


@pytest.fixture
def folder(tmp_path):
    """Two tables, and what is none."""
    _csv(tmp_path / "in" / "b.csv", "three")
    _csv(tmp_path / "in" / "a.csv", "one", "two")
    (tmp_path / "in" / "notes.txt").touch()
    return tmp_path / "in"


@pytest.mark.parametrize("pattern", ["in", "in/*", "in/?.csv", "*/[ab].csv", "**/*.csv"])
def test_a_folder_or_a_pattern_is_its_tables_one_below_the_other(folder, pattern):
    tables, copied, _ = read_tables(folder.parent / pattern, WANTED, keys=("id",))
    assert tables["a"]["text"].to_pylist() == [b"one", b"two", b"three"]
    assert copied["id"].to_pylist() == ["00", "01", "00"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder):
    _csv(folder / "[ab].csv", "mine")
    assert find_tables(folder / "[ab].csv") == (folder / "[ab].csv",)


def test_shards_are_one_table_however_they_are_named(tmp_path):
    for at in range(3):
        pq.write_table(pa.table({"text": [f"{at}"]}), tmp_path / f"new-{at:05}-of-00003.parquet")
    for data in (tmp_path, tmp_path / "*.parquet", tmp_path / "new-00000-of-00003.parquet"):
        tables, *_ = read_tables(data, WANTED)
        assert tables["a"]["text"].to_pylist() == ["0", "1", "2"]


def test_keys_keep_the_types_that_files_give_them(tmp_path):
    keys = {
        "small": pa.array([7], pa.int8()),
        "code": pa.array(["x"]).dictionary_encode(),
        "when": pa.array([0], pa.date32()),
        "tags": pa.array([["a"]]),
    }
    pq.write_table(pa.table({"text": ["a"], **keys}), tmp_path / "new.parquet")
    _, copied, _ = read_tables(tmp_path / "new.parquet", WANTED, keys=tuple(keys))
    assert {name: copied[name].type for name in keys} == {name: column.type for name, column in keys.items()}


@pytest.mark.parametrize("data", ["empty", "in/*.xls", "in", "in/a.cvs", "in/c.csv"])
def test_what_names_no_tables_of_one_format_is_an_error(folder, data, worded):
    (folder.parent / "empty").mkdir()
    (folder / "c.arrow").touch()
    with pytest.raises(MtlkdError) as caught:
        find_tables(folder.parent / data)
    worded(caught.value)


def test_columns_of_unlike_types_and_files_that_lack_one_are_told(tmp_path, worded):
    for name, column in (("a", [1]), ("b", [["x"]])):
        pyarrow.feather.write_feather(pa.table({"text": column}), tmp_path / f"{name}.arrow")
    with pytest.raises(MtlkdError) as caught:
        read_tables(tmp_path, WANTED)
    assert caught.value.where == str(tmp_path)
    pyarrow.feather.write_feather(pa.table({"txt": ["x"]}), tmp_path / "b.arrow")
    with pytest.raises(MtlkdError) as caught:
        read_tables(tmp_path, WANTED)
    worded(caught.value)


def test_a_csv_is_read_in_the_encoding_that_is_named(tmp_path):
    (tmp_path / "new.csv").write_bytes("text;id\nÀ la;1\nÉté;2\n".encode("cp1252"))
    tables, copied, _ = read_tables(tmp_path / "new.csv", WANTED, keys=("id",), encoding="windows-1252")
    assert [text.decode() for text in tables["a"]["text"].to_pylist()] == ["À la", "Été"]
    assert copied["id"].to_pylist() == ["1", "2"]


@pytest.mark.parametrize("encoding", ["ascii", "klingon"])
def test_a_csv_in_another_encoding_than_is_named_is_an_error(tmp_path, encoding, worded):
    (tmp_path / "new.csv").write_bytes("text\nÀ la\n".encode("cp1252"))
    with pytest.raises(MtlkdError) as caught:
        read_tables(tmp_path / "new.csv", WANTED, encoding=encoding)
    worded(caught.value)
