import time

import pytest
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.storage import Storage, join_uri, reaching, split_uri


@pytest.fixture(params=["local", "remote"])
def storage(request, tmp_path):
    """A folder on this machine, and one behind a file system that is not the local one."""
    if request.param == "local":
        return Storage.at(str(tmp_path / "sweep"))
    return Storage("fake://bucket/sweep", SubTreeFileSystem(str(tmp_path), LocalFileSystem()), "sweep")


def test_what_is_written_is_read(storage):
    assert storage.read("a.bin") is None
    storage.write("a.bin", b"one")
    storage.write("a.bin", b"two")
    storage.write("deep/er/b.bin", b"three")
    assert storage.read("a.bin") == b"two"
    assert storage.child("deep").child("er").read("b.bin") == b"three"
    assert storage.names() == ["a.bin"]


def test_a_folder_is_empty_until_something_is_in_it(storage):
    assert storage.is_empty
    storage.write("deep/b.bin", b"x")
    assert not storage.is_empty
    assert storage.names() == []


def test_a_file_in_the_folders_place_counts_as_something(tmp_path):
    (tmp_path / "sweep").write_text("x")
    assert not Storage.at(str(tmp_path / "sweep")).is_empty


@pytest.mark.parametrize("uri", ["nowhere://bucket/x", "http://x"])
def test_a_place_that_nobody_knows_is_refused(uri):
    with pytest.raises(MtlkdError) as caught:
        Storage.at(uri)
    assert caught.value.where == uri


def test_deleting_and_clearing_leave_nothing(storage):
    storage.write("a.bin", b"one")
    storage.write("b.bin", b"two")
    storage.delete("a.bin")
    assert storage.names() == ["b.bin"]
    storage.clear()
    assert storage.is_empty
    storage.clear()


def test_a_place_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("x")
    storage = Storage.at(str(tmp_path / "file" / "sweep"))
    with pytest.raises(MtlkdError) as caught, reaching(storage.uri):
        storage.write("a.bin", b"one")
    assert caught.value.where == storage.uri


def test_messages_show_the_place_that_the_user_named(storage):
    assert storage.child("records").uri == storage.uri + "/records"


@pytest.mark.parametrize(
    ("uri", "joined"),
    [
        ("/runs/one", "/runs/one/tune"),
        ("/runs/one/", "/runs/one/tune"),
        ("s3://bucket/one", "s3://bucket/one/tune"),
        ("s3://bucket/one?endpoint_override=localhost:9000", "s3://bucket/one/tune?endpoint_override=localhost:9000"),
        ("/odd?name", "/odd?name/tune"),
    ],
)
def test_a_query_stays_at_the_end(uri, joined):
    assert join_uri(uri, "tune") == joined


@pytest.mark.parametrize(
    ("uri", "folder", "name"),
    [
        ("/runs/one/a", "/runs/one", "a"),
        ("runs/a/", "runs", "a"),
        ("a", ".", "a"),
        ("/a", "/", "a"),
        ("s3://bucket/one/a?endpoint_override=localhost:9000", "s3://bucket/one?endpoint_override=localhost:9000", "a"),
    ],
)
def test_a_place_is_in_a_folder(uri, folder, name):
    assert split_uri(uri) == (folder, name)


def test_a_folder_stays_where_it_was_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    storage = Storage.at("here/")
    monkeypatch.chdir("/")
    storage.write("a.bin", b"one")
    assert (tmp_path / "here" / "a.bin").exists()
    assert storage.uri == "here/"


def test_a_place_is_a_folder_a_file_or_missing(storage):
    storage.write("a.bin", b"one")
    places = [storage, storage.child("a.bin"), storage.child("b.bin")]
    assert [place.is_file for place in places] == [False, True, False]
    assert [place.is_missing for place in places] == [False, False, True]


def test_a_file_that_is_written_piece_by_piece_is_there_once_it_is_whole(storage):
    with storage.writing("deep/a.bin") as stream:
        stream.write(b"one")
        assert storage.child("deep").read("a.bin") is None
        stream.write(b"two")
    assert storage.child("deep").read("a.bin") == b"onetwo"
    assert storage.child("deep").names() == ["a.bin"]


def test_a_file_whose_writer_fails_is_not_there_and_leaves_no_draft(storage):
    def fail():
        with storage.writing("a.bin") as stream:
            stream.write(b"new")
            raise ValueError("no more")

    storage.write("a.bin", b"old")
    with pytest.raises(ValueError, match="no more"):
        fail()
    assert storage.read("a.bin") == b"old"
    assert storage.names() == ["a.bin"]


def test_a_folder_tells_its_files_sizes_and_its_folders(storage):
    storage.write("a.bin", b"one")
    storage.write("deep/b.bin", b"x")
    assert storage.sizes() == {"a.bin": 3}
    assert storage.folders() == ["deep"]


def test_a_file_says_when_it_was_written_by_the_storage_s_clock(storage):
    assert storage.modified("a.bin") is None
    storage.write("a.bin", b"one")
    first = storage.modified("a.bin")
    time.sleep(0.05)
    storage.write("b.bin", b"two")
    assert 0 < storage.modified("b.bin") - first < 30
    assert storage.names() == ["a.bin", "b.bin"]
