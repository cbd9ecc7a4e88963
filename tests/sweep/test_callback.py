from types import SimpleNamespace

import pytest

from ray_mtlkd.sweep import callback as module
from ray_mtlkd.sweep.callback import StatusCallback


def test_what_is_left_is_estimated_by_how_far_running_trials_are(monkeypatch):
    told, now = [], [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    searcher = SimpleNamespace(finished={"before": None}, failures=0, total=5, ranking=())
    status = StatusCallback(searcher, tell=told.append)
    first, second, third = (SimpleNamespace(trial_id=name, config={"name": name}) for name in "abc")
    for trial in (first, second, third):
        status.on_trial_start(0, [], trial)
    for trial, share in ((first, 0.25), (second, 0.5), (first, 0.75), (third, 0.25)):
        status.on_trial_result(0, [], trial, {"share": share, "step": 3})
    assert told[-1].eta_s is None
    assert [trial.share for trial in told[-1].trials] == [0.75, 0.5, 0.25]
    now[0] = 130.0
    searcher.finished["a"] = None
    status.on_trial_complete(0, [], first)
    # of four, one and three quarters are done
    assert told[-1].eta_s == pytest.approx(30.0 * 2.25 / 1.75)
    status.on_trial_error(0, [], third)
    assert told[-1].eta_s == pytest.approx(30.0 * 2.5 / 1.5)
    assert (told[-1].done, told[-1].running) == (2, 1)
