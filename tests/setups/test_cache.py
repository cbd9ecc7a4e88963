import os
from pathlib import Path

import numpy as np
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
    assert [path.name for path in entry.folder.parent.iterdir()] == ["a"]


@pytest.mark.parametrize("name", ["index.json", "arrays.bin"])
@pytest.mark.parametrize("damage", ["gone", "empty", "short", "long"])
def test_part_of_an_entry_is_no_entry_and_is_replaced(name, damage, tmp_path: Path):
    entry = Entry(tmp_path / "a")
    entry.write("first", ARRAYS)
    path = entry.folder / name
    whole = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes({"empty": b"", "short": whole[:-1], "long": whole + b" "}[damage])
    assert entry.read() is None
    entry.write("second", ARRAYS)
    assert entry.read().value == "second"


def test_a_changed_byte_of_the_index_is_noticed(tmp_path: Path):
    entry = Entry(tmp_path / "a")
    entry.write("value", ARRAYS)
    path = entry.folder / "index.json"
    path.write_bytes(path.read_bytes().replace(b"value", b"valve"))
    assert entry.read() is None


def test_the_entries_used_longest_ago_go_first(tmp_path: Path, monkeypatch):
    names = ["a", "b", "c"]
    for at, name in enumerate(names):
        Entry(tmp_path / name).write(name, ARRAYS)
        os.utime(tmp_path / name, (at, at))
    assert Entry(tmp_path / "a").read().value == "a"
    size = sum(file.stat().st_size for file in (tmp_path / "a").iterdir())
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
    entry, write = Entry(tmp_path / "a"), cache._rename

    def second(draft, folder):
        monkeypatch.setattr(cache, "_rename", write)
        entry.write("faster", ARRAYS)
        write(draft, folder)

    monkeypatch.setattr(cache, "_rename", second)
    entry.write("slower", ARRAYS)
    assert entry.read().value == "faster"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_disk_that_refuses_is_a_warning(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    entry = Entry(tmp_path / "file" / "a")
    with pytest.warns(RuntimeWarning, match="nothing is kept in .*; MTLKD_CACHE= switches it off"):
        entry.write("a", ARRAYS)
    assert entry.read() is None
