"""A file system without room, or that takes no more writes, below a sweep."""

import os
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from tests.faults.drivers import ended
from tests.sweeps import assert_same, kept, records, wait_for, written

pytestmark = [
    pytest.mark.fault,
    pytest.mark.skipif(os.geteuid() != 0, reason="to mount a file system wants root"),
]
SIZE = "64m"


@pytest.fixture
def small(place):
    """A file system of its own for the sweep's folder."""
    place.out.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", place.out)
    yield place.out
    subprocess.run([shutil.which("umount"), "-l", place.out], check=True)


def _mount(*words):
    subprocess.run([shutil.which("mount"), *map(str, words)], check=True)


@contextmanager
def _full(out):
    filler = out / "filler"
    with filler.open("wb") as file:
        while True:
            try:
                file.write(b"x" * 2**16)
                file.flush()
            except OSError:
                break
    yield
    filler.unlink()


@contextmanager
def _read_only(out):
    words = [shutil.which("mount"), "-o", "remount,ro", str(out)]
    wait_for(lambda: subprocess.run(words, capture_output=True, check=False).returncode == 0)  # when no file is open
    yield
    _mount("-o", "remount,rw", out)


@pytest.mark.parametrize("broken", [_full, _read_only], ids=["full", "read-only"])
def test_a_sweep_that_cannot_write_says_so_and_goes_on_once_it_can(folder, whole, place, small, broken):
    driver = place.sweep(folder / "space.yaml", "--out", small / "sweep")
    out = small / "sweep"
    wait_for(lambda: driver.poll() is not None or list(out.glob("records/*.parquet")))
    with broken(small):
        _, told = driver.communicate()
        assert driver.returncode == 2, told
        assert "Traceback" not in told
        assert str(out) in told
        assert told.count("error: ") == 1
        assert f"--resume {out}" in told
        assert not [path for path in out.rglob("*.draft") if broken is _full]
    before = written(out)
    ended(place.sweep("--resume", out), code=0)
    assert written(out).items() >= before.items()
    assert_same(records(out), records(whole))
    assert kept(out) == kept(whole)
