"""Signs of life, as their board notes them."""

import time
from types import SimpleNamespace

import pytest

from ray_mtlkd.sweep import callback
from ray_mtlkd.sweep.pulse import PulseBoard, PulseSettings, TrialProcess


def _process(trial, pid=1):
    return TrialProcess(trial=trial, node="n", pid=pid, started="then")


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
        return SimpleNamespace(remote=lambda *_: self._asked.append(name) or name)


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


@pytest.mark.parametrize("told", [True, False], ids=["the driver tells", "it starts again"])
def test_a_process_that_was_killed_takes_no_leave_and_is_not_silent_all_the_same(told):
    board = PulseBoard()
    board.begin(_process("a"))
    board.begin(_process("b"))
    if told:
        board.lose("a")
    else:
        board.begin(_process("a", pid=2))
        board.leave(_process("a", pid=2))
    time.sleep(0.01)
    assert board.take_silent(0.0) == [_process("b")]
    assert board.begin(_process("a", pid=3)) == 0


def test_a_board_that_does_not_answer_is_started_again(monkeypatch):
    asked, now, killed = [], [0.0], []
    monkeypatch.setattr(callback.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(callback.ray, "wait", lambda calls, timeout: ([], calls))
    monkeypatch.setattr(callback.ray, "kill", lambda board, no_restart: killed.append((board, no_restart)))
    board = _Board(asked)
    watch = callback.StallWatch(PulseSettings(board=board, limit_s=10), "tables", say=pytest.fail)
    while not killed and now[0] < 60:
        now[0] += 0.5
        watch.on_step_begin(0, [])
    assert killed == [(board, False)]
    assert 10 < now[0] < 13
    watch.on_step_begin(0, [])
    assert asked == ["share", "take_silent"] * 2


def test_the_board_is_told_of_a_trial_that_tune_gives_up(monkeypatch):
    told = []
    monkeypatch.setattr(callback, "failure_told", lambda _: "the worker died")
    searcher = SimpleNamespace(lose=lambda trial_id, loss: f"name of {trial_id}, {loss.reason}")
    board = SimpleNamespace(lose=SimpleNamespace(remote=told.append))
    callback.LossWatch(searcher, board).on_trial_error(0, [], SimpleNamespace(trial_id="7"))
    assert told == ["name of 7, the worker died"]


def test_signs_are_given_often_enough_to_miss_some():
    assert PulseSettings(board=None, limit_s=600).every_s == 15
    assert PulseSettings(board=None, limit_s=5).every_s == 0.5
