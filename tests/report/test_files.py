import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.report.files import place, record_files


def test_files_are_in_the_order_of_their_names_and_hidden_ones_are_left_out(tmp_path):
    for name in ("b.parquet", "a.parquet", ".a.parquet", "_tmp.parquet", "classical.parquet", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.parquet").mkdir()
    assert [file.shown for file in record_files(str(tmp_path))] == [f"{tmp_path}/a.parquet", f"{tmp_path}/b.parquet"]


def test_a_place_is_written_with_its_folders_and_read_back(tmp_path):
    file = place(str(tmp_path)) / "some" / "page.md"
    file.write(b"words")
    assert file.read().to_pybytes() == b"words"
    assert (tmp_path / "some" / "page.md").read_bytes() == b"words"


def test_a_relative_path_keeps_its_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (place("here/") / "page.md").write(b"words")
    assert (tmp_path / "here" / "page.md").exists()
    assert (place("here/") / "page.md").shown == "here/page.md"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MtlkdError, match=r"file/page\.md: cannot be written .*give another --out"):
        (place(str(tmp_path / "file")) / "page.md").write(b"words")
