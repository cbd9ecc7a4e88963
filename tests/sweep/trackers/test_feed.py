"""A tracker of lists, sound, broken, slow."""

import threading

import pytest

from ray_mtlkd.sweep.trackers import feed as module
from ray_mtlkd.sweep.trackers.feed import TrackerFeed


class ListTracker:
    """Remembers; fails as often as it is told to."""

    place = "a list"

    def __init__(self, *before, failures=0):
        self.held = list(before)
        self.calls = []
        self._failures = failures

    def open(self):
        self.calls.append("open")
        if self._failures:
            self._failures -= 1
            raise ConnectionError("nobody answers at http://me:secret@host")
        return set(self.held)

    def log(self, run):
        self.held.append(run.trial)

    def close(self):
        self.calls.append("close")


@pytest.fixture
def sweep_of(run):
    """What a sweep has left so far, and what reads it."""
    ended, paused = [], []

    def read(names, *, without, is_last):
        there = [*ended, *(paused if is_last else ())]
        return [run(trial) for trial in there if trial not in without and (names is None or trial in names)]

    def make(tracker, say):
        return TrackerFeed(tracker, read=read, say=say), ended, paused

    return make


def _end(feed, ended, *trials):
    for trial in trials:
        ended.append(trial)
        feed.put(trial)


def test_every_trial_is_logged_once_and_those_that_have_paused_at_the_end(sweep_of):
    tracker = ListTracker()
    feed, ended, paused = sweep_of(tracker, pytest.fail)
    paused.append("half")
    _end(feed, ended, "one", "two")
    feed.put("one")
    feed.close(patience_s=60)
    assert tracker.held == ["one", "two", "half"]
    assert feed.logged == {"one", "two", "half"}
    assert tracker.calls == ["open", "close"]


def test_what_it_holds_already_is_not_logged_again_and_what_it_lacks_is(sweep_of):
    tracker = ListTracker("one")
    feed, ended, _ = sweep_of(tracker, pytest.fail)
    ended.extend(["one", "two"])
    feed.close(patience_s=60)
    assert tracker.held == ["one", "two"]


def test_one_that_fails_is_told_once_and_left_alone_until_the_end(sweep_of):
    tracker, said = ListTracker(failures=1), []
    feed, ended, _ = sweep_of(tracker, said.append)
    _end(feed, ended, *"abcdef")
    feed.close(patience_s=60)
    assert said == ["warning: a list fails (nobody answers at http://host); the sweep goes on without it"]
    assert tracker.held == list("abcdef")
    assert tracker.calls == ["open", "open", "close"]


def test_after_a_rest_it_gets_what_it_has_missed(sweep_of, monkeypatch):
    monkeypatch.setattr(module, "_REST_S", 0.0)
    tracker, said = ListTracker(failures=3), []
    feed, ended, _ = sweep_of(tracker, said.append)
    _end(feed, ended, *"abcdef")
    feed.close(patience_s=60)
    assert len(said) == 1
    assert tracker.held == list("abcdef")


def test_one_that_never_answers_holds_nobody_up(sweep_of):
    tracker, freed, said = ListTracker(), threading.Event(), []
    tracker.open = freed.wait
    feed, ended, _ = sweep_of(tracker, said.append)
    _end(feed, ended, "one")
    feed.close(patience_s=0.1)
    assert (feed.logged, feed.reason, said) == (set(), "it takes too long", [])
    freed.set()


@pytest.mark.parametrize("error", [SystemExit, ValueError])
def test_a_trial_that_it_refuses_is_passed_over(sweep_of, error):
    tracker, said = ListTracker(), []
    log = tracker.log

    def refuse(run):
        if run.trial == "b":
            raise error
        log(run)

    tracker.log = refuse
    feed, ended, _ = sweep_of(tracker, said.append)
    ended.extend("abc")
    feed.close(patience_s=60)
    assert tracker.held == ["a", "c"]
    assert (feed.logged, feed.reason, len(said)) == ({"a", "c"}, error.__name__, 1)


def test_one_that_refuses_trial_after_trial_is_not_asked_for_all(sweep_of):
    tracker, asked = ListTracker(), []

    def refuse(run):
        asked.append(run.trial)
        raise ConnectionError

    tracker.log = refuse
    feed, ended, _ = sweep_of(tracker, lambda _: None)
    ended.extend("abcdef")
    feed.close(patience_s=60)
    assert asked == [*"abc", *"abc"]
