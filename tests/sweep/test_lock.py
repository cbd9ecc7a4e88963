import contextlib
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.seals import sealed_json
from ray_mtlkd.serial import dumps
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep import lock as module
from ray_mtlkd.sweep.lock import Claim, Lock
from ray_mtlkd.sweep_folder import SweepFolder

LIMIT_S = 30


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(module, "BEAT_S", 0.05)
    monkeypatch.setattr(module, "LOST_S", 0.4)


@pytest.fixture(params=["local", "remote"])
def folder(request, tmp_path):
    if request.param == "local":
        return SweepFolder.at(str(tmp_path / "sweep"))
    return SweepFolder(Storage("fake://bucket/sweep", SubTreeFileSystem(str(tmp_path), LocalFileSystem()), "sweep"))


def _claim(**changes):
    """What a driver of another machine has written."""
    values = {"name": "other", "host": "far", "machine": "far since monday", "pid": 7, "started": "1", **changes}
    return Claim(**values)


def _here(lock, **changes):
    """What another process of this machine has written."""
    return replace(lock._own, name="other", **changes)


def _write(folder, claim):
    folder.root.write(f"driver-{claim.name}.json", sealed_json(dumps(claim)))


def _taken(folder):
    """Lines that a driver says who takes the sweep, and the error that it ends with."""
    said = []
    try:
        with Lock(folder, say=said.append) as lock:
            lock.take()
    except MtlkdError as error:
        return said, error
    return said, None


def _wait_for_loss(lock):
    until = time.monotonic() + LIMIT_S
    with pytest.raises(MtlkdError) as caught:  # noqa: PT012 - it is one of the looks that fails
        while time.monotonic() < until:
            lock.check()
            time.sleep(0.02)
    return caught.value


@contextlib.contextmanager
def _beating(folder, claim):
    """While the body runs, a driver of another machine gives signs of life."""
    ended = threading.Event()

    def beat():
        number = 0
        while not ended.wait(0.05):
            number += 1
            _write(folder, replace(claim, beat=number))

    _write(folder, claim)
    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_sweep_that_nobody_drives_is_taken_at_once_and_left_without_a_trace(folder):
    with Lock(folder, say=lambda _: None) as lock:
        lock.take()
        assert len(folder.root.names()) == 1
        lock.check()
    assert _taken(folder) == ([], None)
    time.sleep(0.2)
    assert folder.root.names() == []


def test_a_sweep_that_a_living_process_of_this_machine_drives_is_refused(folder):
    with Lock(folder, say=lambda _: None) as lock:
        lock.take()
        _, error = _taken(folder)
        assert error.where == folder.uri
        assert f"process {os.getpid()} on {lock._own.host}" in error.what
        assert f"kill {os.getpid()}" in error.fix
        lock.check()


def test_a_process_of_this_machine_that_is_gone_makes_room_at_once(folder, monkeypatch):
    monkeypatch.setattr(module, "LOST_S", 1e9)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with Lock(folder, say=lambda _: None) as lock:
        _write(folder, _here(lock, pid=gone.pid))
    (line,), error = _taken(folder)
    assert f"process {gone.pid} on" in line
    assert error is None
    assert folder.root.names() == []


def test_a_number_that_another_process_has_now_is_not_the_driver(folder):
    with Lock(folder, say=lambda _: None) as lock:
        _write(folder, _here(lock, started="another time"))
    assert _taken(folder)[1] is None


def test_a_driver_of_another_machine_that_gives_signs_of_life_is_refused(folder):
    with _beating(folder, _claim()):
        said, error = _taken(folder)
    assert "process 7 on far" in said[0]
    assert "process 7 on far" in error.what
    assert folder.root.names() == ["driver-other.json"]


def test_a_driver_of_another_machine_that_gives_none_is_taken_over_from(folder):
    _write(folder, _claim())
    said, error = _taken(folder)
    assert error is None
    assert ["process 7 on far" in line for line in said] == [True, True]
    assert folder.root.names() == []


def test_a_driver_that_ends_while_it_is_watched_is_not_called_gone(folder, monkeypatch):
    monkeypatch.setattr(module, "LOST_S", LIMIT_S)
    _write(folder, _claim())
    said = []

    def say(line):
        said.append(line)
        folder.root.delete("driver-other.json")

    with Lock(folder, say=say) as lock:
        lock.take()
    assert len(said) == 1


@pytest.mark.parametrize("how", ["superseded", "superseded and over"])
def test_a_driver_that_was_thought_gone_notices_it_and_does_not_claim_the_sweep_again(folder, how):
    with Lock(folder, say=lambda _: None) as lock:
        lock.take()
        if how == "superseded":
            _write(folder, _claim(over=("one", lock._own.name)))
        else:
            folder.root.delete(f"driver-{lock._own.name}.json")
        assert _wait_for_loss(lock).where == folder.uri


def test_somebody_who_only_looks_is_no_loss(folder):
    with Lock(folder, say=lambda _: None) as lock:
        lock.take()
        _write(folder, _claim(over=("somebody else",)))
        time.sleep(0.3)
        lock.check()


def test_of_two_that_begin_together_at_most_one_drives(folder, monkeypatch):
    monkeypatch.setattr(module, "_machine", lambda: f"machine of {threading.current_thread().name}")
    for _ in range(20):
        together, ended, drive = threading.Barrier(2), threading.Barrier(2), []

        def begin(together=together, ended=ended, drive=drive):
            with Lock(folder, say=lambda _: None) as lock:
                together.wait(LIMIT_S)
                with contextlib.suppress(MtlkdError):
                    lock.take()
                    drive.append(lock)
                ended.wait(LIMIT_S)

        threads = [threading.Thread(target=begin) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(drive) <= 1


def test_a_damaged_file_is_named(folder):
    folder.root.write("driver-other.json", b"{")
    assert _taken(folder)[1].where.endswith("driver-other.json")


def test_a_damaged_file_of_another_keeps_no_driver_from_giving_signs_of_life_or_from_noticing_a_third(folder):
    with Lock(folder, say=lambda _: None) as lock:
        lock.take()
        folder.root.write("driver-other.json", b"{")
        until, beats = time.monotonic() + LIMIT_S, lock._own.beat + 2
        while lock._own.beat < beats:
            assert time.monotonic() < until
            time.sleep(0.02)
        lock.check()
        _write(folder, _claim(name="third", over=(lock._own.name,)))
        assert _wait_for_loss(lock).where == folder.uri


def test_a_folder_that_is_deleted_while_it_is_driven_ends_the_drive(folder):
    with Lock(folder, say=lambda _: None) as lock:
        lock.take()
        lock.check()
        folder.root.clear()
        assert "deleted" in _wait_for_loss(lock).what
