"""Pinned files, and what may happen to them on their way."""

import hashlib

import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.public import pinned_files
from ray_mtlkd.setups.public.pinned_files import download

FILES = {"o/r/c/one.txt": b"one", "o/r/c/in/two.txt": b"two", "o/r/c/three.txt": b"three"}
PATHS = tuple(FILES)


@pytest.fixture
def pinned(origin, monkeypatch):
    """An origin that has all of three files."""
    known = {path: hashlib.sha256(content).hexdigest() for path, content in FILES.items()}
    monkeypatch.setattr(pinned_files, "registry", lambda: known)
    origin.pages, origin.cut, origin.asked = dict(FILES), set(), []
    return origin


def _get(origin, folder, tell=lambda *_: None):
    download(PATHS, folder, mirror=origin.address, tell=tell)


def _here(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_files_come_once_and_lie_at_their_paths(pinned, cache):
    told = []
    _get(pinned, cache, lambda *said: told.append(said))
    assert _here(cache) == FILES
    assert told == [("one.txt", 0, 3), ("two.txt", 1, 3), ("three.txt", 2, 3)]
    _get(pinned, cache)
    assert pinned.asked == list(PATHS)


@pytest.mark.parametrize("befalls", ["another file", "a cut connection", "no such page"])
def test_what_goes_wrong_names_the_address_and_leaves_whole_files_alone_from_which_it_goes_on(pinned, cache, befalls):
    bad = PATHS[1]
    if befalls == "another file":
        pinned.pages[bad] = b"tow"
    elif befalls == "a cut connection":
        pinned.cut.add(bad)
    else:
        del pinned.pages[bad]
    with pytest.raises(MtlkdError) as caught:
        _get(pinned, cache)
    assert caught.value.where == f"{pinned.address}/{bad}"
    assert _here(cache) == {PATHS[0]: FILES[PATHS[0]]}
    pinned.pages, pinned.cut, pinned.asked = dict(FILES), set(), []
    _get(pinned, cache)
    assert pinned.asked == list(PATHS[1:])
    assert _here(cache) == FILES


def test_a_kept_file_that_has_changed_comes_anew(pinned, cache):
    _get(pinned, cache)
    (cache / PATHS[0]).write_bytes(b"eno")
    _get(pinned, cache)
    assert _here(cache) == FILES


@pytest.mark.parametrize("mirror", ["http://127.0.0.1:1", "ftp://here", "a folder"])
def test_no_connection_and_no_address_are_errors_that_leave_nothing(pinned, cache, worded, mirror):
    with pytest.raises(MtlkdError) as caught:
        download(PATHS, cache, mirror=mirror, tell=lambda *_: None)
    worded(caught.value)
    assert not cache.exists() or _here(cache) == {}


def test_without_pooch_the_error_says_what_to_install(pinned, cache, worded, monkeypatch):
    monkeypatch.setattr(pinned_files, "find_spec", lambda _: None)
    with pytest.raises(MtlkdError) as caught:
        _get(pinned, cache)
    worded(caught.value)
    assert pinned.asked == []


def test_a_disk_that_refuses_is_named(pinned, cache):
    cache.write_bytes(b"a file where the folder would be")
    with pytest.raises(MtlkdError) as caught:
        _get(pinned, cache)
    assert caught.value.where == str(cache)
