"""Signs of life, as their board notes them."""

import time
from types import SimpleNamespace

import pytest

from ray_mtlkd.sweep import callback
from ray_mtlkd.sweep.pulse import PulseBoard, PulseSettings, TrialProcess


def _process(trial, pid=1):
    return TrialProcess(trial=trial, node="n", pid=pid)


def test_a_silent_process_is_told_once_and_its_trial_hears_of_it_when_it_starts_again():
    board = PulseBoard()
    assert board.begin(_process("a")) == 0
    board.begin(_process("b"))
    time.sleep(0.02)
    board.beat(_process("b"))
    assert board.take_silent(0.02) == [_process("a")]
    assert board.take_silent(0.02) == []
    assert board.begin(_process("a", pid=2)) == 1


def test_nobody_was_silent_while_the_driver_was_away():
    board = PulseBoard()
    board.begin(_process("a"))
    time.sleep(0.02)
    board.forgive()
    assert board.take_silent(0.02) == []


class _Board:
    """What the driver asks of its actor, by name."""

    def __init__(self, asked):
        self._asked = asked

    def __getattr__(self, name):
        return SimpleNamespace(remote=lambda *_: self._asked.append(name))


def test_a_driver_that_was_stopped_itself_ends_nobody(monkeypatch):
    asked, now = [], [0.0]
    monkeypatch.setattr(callback.time, "monotonic", lambda: now[0])
    watch = callback.StallWatch(PulseSettings(board=_Board(asked), limit_s=10), "tables", say=pytest.fail)
    for seconds in (0.5, 0.9, 300.0, 300.5, 301.1):
        now[0] = seconds
        watch.on_step_begin(0, [])
    assert asked == ["forgive", "share", "take_silent"]


def test_a_trial_that_is_over_is_not_silent():
    board = PulseBoard()
    board.begin(_process("a"))
    board.leave(_process("a"))
    time.sleep(0.01)
    assert board.take_silent(0.0) == []


def test_signs_are_given_often_enough_to_miss_some():
    assert PulseSettings(board=None, limit_s=600).every_s == 15
    assert PulseSettings(board=None, limit_s=5).every_s == 0.5
