import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ray_mtlkd.setups import cache
from ray_mtlkd.setups.cache import Entry, cache_folder


def test_the_folder_is_the_user_s_own_unless_named_or_off(monkeypatch):
    monkeypatch.delenv("MTLKD_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/ray_mtlkd")
    monkeypatch.setenv("MTLKD_CACHE", "/else/where")
    assert cache_folder() == Path("/else/where")
    monkeypatch.setenv("MTLKD_CACHE", "")
    assert cache_folder() is None


ARRAYS = {"0": np.arange(6).reshape(2, 3), "1": np.zeros((0, 2), np.float32), "2": np.ones(5, np.float32)}


def test_what_is_written_is_read_bit_for_bit_and_read_only(tmp_path: Path):
    entry = Entry(tmp_path / "deep" / "a")
    assert entry.read() is None
    entry.write({"said": [1, 0.1]}, ARRAYS)
    kept = entry.read()
    assert kept.value == {"said": [1, 0.1]}
    for name, array in ARRAYS.items():
        found = kept.arrays[name]
        assert type(found) is np.ndarray
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found, array)
        assert not found.flags.writeable
        assert found.ctypes.data % 8 == 0
    assert [path.name for path in entry.path.parent.iterdir()] == ["a"]


def test_an_entry_is_a_file_of_arrow_s(tmp_path: Path):
    Entry(tmp_path / "a").write("said", ARRAYS)
    with pa.memory_map(str(tmp_path / "a")) as file:
        record = pa.ipc.open_file(file).read_all()
    assert record.column_names == list(ARRAYS)
    assert record["2"].to_pylist() == [[1.0] * 5]


@pytest.mark.parametrize("damage", ["gone", "empty", "short", "half", "long"])
def test_part_of_an_entry_is_no_entry_and_is_replaced(damage, tmp_path: Path):
    entry = Entry(tmp_path / "a")
    entry.write("first", ARRAYS)
    whole = entry.path.read_bytes()
    entry.path.unlink()
    if damage != "gone":
        parts = {"empty": b"", "short": whole[:-1], "half": whole[: len(whole) // 2], "long": whole + b" "}
        entry.path.write_bytes(parts[damage])
    assert entry.read() is None
    entry.write("second", ARRAYS)
    assert entry.read().value == "second"


def test_a_changed_byte_of_what_arrays_mean_is_noticed(tmp_path: Path):
    entry = Entry(tmp_path / "a")
    entry.write("a value", ARRAYS)
    entry.path.write_bytes(entry.path.read_bytes().replace(b"a value", b"a valve"))
    assert entry.read() is None


@pytest.mark.parametrize("at", range(0, 100, 7))
def test_a_changed_byte_anywhere_ends_no_process(at, tmp_path: Path):
    entry = Entry(tmp_path / "a")
    entry.write("value", ARRAYS)
    whole = bytearray(entry.path.read_bytes())
    whole[at * len(whole) // 100] ^= 255
    entry.path.write_bytes(whole)
    found = entry.read()
    assert found is None or found.value == "value"


def test_the_entries_used_longest_ago_go_first(tmp_path: Path, monkeypatch):
    names = ["a", "b", "c"]
    for at, name in enumerate(names):
        Entry(tmp_path / name).write(name, ARRAYS)
        os.utime(tmp_path / name, (at, at))
    assert Entry(tmp_path / "a").read().value == "a"
    size = (tmp_path / "a").stat().st_size
    monkeypatch.setattr(cache, "LIMIT_BYTES", 3 * size)
    Entry(tmp_path / "d").write("d", ARRAYS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c", "d"]


def test_a_result_beyond_the_limit_is_not_kept(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT_BYTES", 10)
    Entry(tmp_path / "a").write("a", ARRAYS)
    assert list(tmp_path.iterdir()) == []


def test_an_entry_may_ask_for_more_room_than_all_have(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT_BYTES", 10)
    for name in ("a", "b"):
        Entry(tmp_path / name, least_limit=1e6).write(name, ARRAYS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_an_entry_that_is_removed_can_still_be_used(tmp_path: Path):
    entry = Entry(tmp_path / "a")
    entry.write("first", ARRAYS)
    kept = entry.read()
    entry.write("second", {"0": np.zeros((2, 3), np.int64)})
    np.testing.assert_array_equal(kept.arrays["0"], ARRAYS["0"])


def test_another_writer_of_the_same_entry_does_no_harm(tmp_path: Path, monkeypatch):
    entry, write = Entry(tmp_path / "a"), cache._write

    def second(*given):
        monkeypatch.setattr(cache, "_write", write)
        entry.write("faster", ARRAYS)
        write(*given)

    monkeypatch.setattr(cache, "_write", second)
    entry.write("slower", ARRAYS)
    kept = entry.read()
    assert kept.value == "slower"
    np.testing.assert_array_equal(kept.arrays["0"], ARRAYS["0"])
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_disk_that_refuses_is_a_warning(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    entry = Entry(tmp_path / "file" / "a")
    with pytest.warns(RuntimeWarning, match="nothing is kept in .*; MTLKD_CACHE= switches it off"):
        entry.write("a", ARRAYS)
    assert entry.read() is None
