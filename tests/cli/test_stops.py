import os
import signal
import threading
from contextlib import suppress

import pytest
import typer

from ray_mtlkd.cli import stops
from ray_mtlkd.cli.stops import stoppable


@pytest.fixture(autouse=True)
def _handlers():
    """A terminal's handlers, whatever this process was started with, and afterwards its own again."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.fixture
def left(monkeypatch):
    """With which code the process would have been ended at once, by when it is awaited."""
    codes, over = [], threading.Event()

    def leave(code):
        codes.append(code)
        over.set()

    monkeypatch.setattr(stops, "leave", leave)
    monkeypatch.setattr(stops, "_GRACE_S", 0.0)
    monkeypatch.setattr(stops, "_TELLING_S", 0.1)

    def awaited():
        assert over.wait(60)
        return codes

    return awaited


def _stop(number, told):
    with pytest.raises(typer.Exit) as end, stoppable(lambda: told.append("how to go on")) as stop, stop.told():
        os.kill(os.getpid(), number)
    return end.value.exit_code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_body_as_ctrl_c_does_with_a_code_of_its_own_and_says_once_how_to_go_on(number, code, left):
    told = []
    assert _stop(number, told) == code
    assert left() == [code]
    assert told == ["how to go on"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_who_swallows_the_exception_is_ended_all_the_same(left):
    told = []
    with stoppable(lambda: told.append("how to go on")):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            assert left() == [130]
    assert told == ["how to go on"]


@pytest.mark.parametrize("swallowed", [False, True])
def test_who_is_told_and_does_not_return_keeps_no_process(left, swallowed):
    answers = threading.Event()
    with suppress(typer.Exit), stoppable(lambda: answers.wait(60)):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            if not swallowed:
                threading.Thread(target=lambda: (left(), answers.set())).start()
                raise
            assert left() == [130]
            assert not answers.is_set()
            answers.set()
    assert left() == [130]
    assert answers.is_set()


def test_once_stopped_no_signal_counts(left):
    with pytest.raises(typer.Exit) as end, stoppable(lambda: None):  # noqa: PT012 - what comes after the first counts
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                os.kill(os.getpid(), number)
    assert end.value.exit_code == 143
    left()


def test_a_signal_that_is_ignored_stays_so():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stoppable(pytest.fail):
        os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_what_would_abort_a_process_that_has_been_stopped_is_called_off(left):
    signal.alarm(60)
    _stop(signal.SIGTERM, [])
    assert signal.alarm(0) == 0
    left()
