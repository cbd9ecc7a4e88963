import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.report.files import classical_files, record_files


def test_files_are_in_the_order_of_their_names_without_hidden_ones_and_a_reports_tables(tmp_path):
    others = ("classical.parquet", "gains.parquet", "disagreements.parquet")
    for name in ("b.parquet", "a.parquet", ".a.parquet", "_tmp.parquet", *others, "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.parquet").mkdir()
    assert [file.uri for file in record_files(str(tmp_path))] == [f"{tmp_path}/a.parquet", f"{tmp_path}/b.parquet"]


def test_a_file_is_read_wherever_its_name_says_that_it_is(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"words")
    monkeypatch.chdir(tmp_path)
    given = ["a.parquet", str(tmp_path / "a.parquet"), f"{tmp_path.as_uri()}/a.parquet?b=c"]
    files = [file for name in given for file in record_files(name)]
    assert [file.read() for file in files] == [b"words"] * 3
    assert len({file.identity for file in files}) == 1
    assert files[2].uri == given[2]


def test_a_query_stays_behind_the_names_of_a_sweeps_files(tmp_path):
    for folder in ("records", "classical"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.parquet").write_bytes(b"words")
    given = f"{tmp_path.as_uri()}?b=c"
    (record,), (model,) = record_files(given), classical_files(given)
    assert (record.uri, model.uri) == tuple(
        f"{tmp_path.as_uri()}/{folder}/a.parquet?b=c" for folder in ("records", "classical")
    )
    assert record.read() == model.read() == b"words"


def test_a_file_that_is_gone_has_no_content(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"words")
    (file,) = record_files(str(tmp_path))
    (tmp_path / "a.parquet").unlink()
    assert file.read() == b""


def test_a_place_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MtlkdError) as caught:
        record_files(str(tmp_path / "file" / "below"))
    assert caught.value.where == str(tmp_path / "file" / "below")
