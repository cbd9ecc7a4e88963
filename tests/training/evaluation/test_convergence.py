from dataclasses import replace

import pytest

from ray_mtlkd.serial import dumps, loads
from ray_mtlkd.training.evaluation.convergence import Tracker, judge, track
from ray_mtlkd.training.evaluation.noise import Validated
from ray_mtlkd.training.settings import Convergence
from tests.rules import HASTY


def _after(values, *, sign=1, epochs=0.25, spread=(), **changes):
    """The verdict after evaluations, a quarter of an epoch apart; by ``spread`` each moves without a group of rows."""
    rule, tracker = replace(HASTY, **changes), Tracker()
    for at, value in enumerate(values):
        without = tuple(value + moved for moved in spread[at]) if spread else ()
        measured = Validated(value=value, without=without)
        tracker = track(tracker, measured=measured, step=(at + 1) * 10, epochs=epochs, sign=sign, rule=rule)
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


@pytest.mark.parametrize(
    ("evaluations", "options", "converged"),
    [
        (8, {"patience_epochs": 2}, False),  # 7 evaluations since the first one, which was a gain, are 1.75 epochs
        (9, {"patience_epochs": 2}, True),
        (9, {"patience_epochs": 2, "patience": 9}, False),  # both must be over
        (10, {"patience_epochs": 2, "patience": 9}, True),
        (2, {"patience_epochs": 2, "patience": 1, "epochs": 5.0}, True),  # of a small table epochs pass quickly
        (11, {"min_epochs": 3}, False),
        (12, {"min_epochs": 3}, True),
    ],
)
def test_patience_counts_epochs_of_the_tasks_own_table_as_well(evaluations, options, converged):
    assert _after([0.5] * evaluations, **options)[1].converged is converged


@pytest.mark.parametrize(
    ("values", "converged"),
    [
        ([0.6, 0.68, 0.64, 0.66, 0.67], False),  # one lucky evaluation, and means still rise
        ([0.6, 0.6, 0.9, 0.6, 0.6], True),
        ([0.5, 0.7, 0.7, 0.7, 0.7], False),  # the last gain is the last mean that holds the step
        ([0.5, 0.7, 0.7, 0.7, 0.7, 0.7], True),
    ],
)
def test_smoothed_it_is_the_mean_of_the_last_evaluations_that_must_gain(values, converged):
    assert _after(values, smoothing=3)[1].converged is converged


def test_the_teacher_of_a_smoothed_task_is_the_best_single_evaluation():
    assert _after([0.6, 0.6, 0.9, 0.6, 0.6], smoothing=3)[0].best_step == 30


def test_what_never_changes_is_no_gain_however_it_is_smoothed():
    for value in (0.1, 0.3, 0.7, 1 / 3):
        assert _after([value] * 3, smoothing=3)[1].converged


ALIKE = ((0.01, -0.01),) * 3
"""Groups of rows that are easy or hard for both models."""
UNLIKE = ((0.01, -0.01), (-0.01, 0.01), (0.01, -0.01))
"""And such that are easy for one and hard for the next."""


@pytest.mark.parametrize(
    ("gain", "spread", "noise", "converged"),
    [
        (0.011, ALIKE, 1.0, False),  # what rows do to both models alike says nothing about their difference
        (0.011, UNLIKE, 0.0, False),
        (0.011, UNLIKE, 1.0, True),  # differences of -0.02 and 0.02: a standard error of 0.02
        (0.021, UNLIKE, 1.0, False),
        (0.021, UNLIKE, 2.0, True),
    ],
)
def test_a_gain_must_be_more_than_other_rows_might_have_made_of_it(gain, spread, noise, converged):
    assert _after([0.5, 0.5 + gain, 0.5], spread=spread, noise=noise)[1].converged is converged


def test_a_tracker_comes_back_from_a_checkpoint_as_it_was():
    tracker, _ = _after([0.1, 1 / 3, 0.3], smoothing=2, spread=UNLIKE, noise=1.0, epochs=1 / 7)
    assert loads(Tracker, dumps(tracker), where="a", fix="b") == tracker


def test_a_verdict_explains_itself_in_evaluations_and_epochs():
    _, verdict = _after([0.5, 0.7, 0.6, 0.6], min_delta=0.1)
    assert verdict.reason == (
        "no gain > 0.1 over 0.7000 for 2 evaluations and 0.5 epochs of its table, best 0.7000 at step 20"
    )
    _, verdict = _after([0.5, 0.7, 0.6], patience_epochs=2)
    assert verdict.reason == "best 0.7000 at step 20, 1 of 2 evaluations and 0.2 of 2 epochs without gain"


def test_a_task_that_was_never_evaluated_has_not_converged():
    verdict = judge(Tracker(), Convergence())
    assert not verdict.converged
    assert verdict.best_step == -1


def test_nan_is_never_a_verdict(refused):
    with refused(ValueError):
        _after([0.5, float("nan")])
