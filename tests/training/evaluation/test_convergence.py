import pytest

from ray_mtlkd.training.evaluation.convergence import Tracker, judge, track
from ray_mtlkd.training.settings import Convergence


def _after(values, *, sign=1, patience=2, min_delta=0.0):
    rule = Convergence(patience=patience, min_delta=min_delta)
    tracker = Tracker()
    for step, value in enumerate(values, 1):
        tracker = track(tracker, value=value, step=step * 10, sign=sign, rule=rule)
    return tracker, judge(tracker, rule)


@pytest.mark.parametrize(
    ("values", "options", "converged", "best_step"),
    [
        ([0.5], {}, False, 10),
        ([0.5, 0.6, 0.7], {}, False, 30),
        ([0.5, 0.7, 0.6], {}, False, 20),
        ([0.5, 0.7, 0.6, 0.6], {}, True, 20),
        ([0.5, 0.7, 0.7, 0.7], {}, True, 20),  # equal is no gain
        ([0.5, 0.7, 0.6, 0.8], {}, False, 40),
        ([0.5, 0.55, 0.59], {"min_delta": 0.1}, True, 30),  # a creep below min_delta is no gain, but the best
        ([0.5, 0.59, 0.58], {"min_delta": 0.1}, True, 20),
        ([0.5, 0.59, 0.61], {"min_delta": 0.1}, False, 30),  # the gain is measured from the anchor
        ([0.5, 0.55, 0.61], {"min_delta": 0.1}, False, 30),
        ([2.0, 1.0, 1.5, 1.2], {"sign": -1}, True, 20),  # lower is better
        ([2.0, 1.0, 1.5, 0.9], {"sign": -1}, False, 40),
        ([-1.0, -0.5, -0.6, -0.7], {}, True, 20),
        ([0.0, 0.0, 0.0], {}, True, 10),
        ([0.5, 0.4], {"patience": 1}, True, 10),
    ],
)
def test_a_task_converges_when_nothing_has_improved_for_patience_evaluations(values, options, converged, best_step):
    _, verdict = _after(values, **options)
    assert verdict.converged is converged
    assert verdict.best_step == best_step


def test_a_verdict_explains_itself():
    _, verdict = _after([0.5, 0.7, 0.6, 0.6], min_delta=0.1)
    assert verdict.reason == "no gain > 0.1 over 0.7000 for 2 evaluations, best 0.7000 at step 20"


def test_a_task_that_was_never_evaluated_has_not_converged():
    verdict = judge(Tracker(), Convergence())
    assert not verdict.converged
    assert verdict.best_step == -1


def test_nan_is_never_a_verdict(refused):
    with refused(ValueError):
        _after([0.5, float("nan")])
