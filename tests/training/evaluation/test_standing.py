from dataclasses import replace

import pytest

from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict
from ray_mtlkd.training.evaluation.convergence import Tracker, track
from ray_mtlkd.training.evaluation.noise import Validated
from ray_mtlkd.training.evaluation.standing import beside, retention
from tests.rules import HASTY

VERDICT = ConvergenceVerdict(converged=False, best_step=10, reason="as it is")


def _beside(values, *, mark=0.8, spread=(), sign=1, **changes):
    rule = replace(HASTY, **changes)
    tracker = Tracker(mark=Validated(value=mark, without=tuple(mark for _ in spread)))
    for at, value in enumerate(values):
        measured = Validated(value=value, without=tuple(value + moved for moved in spread))
        tracker = track(tracker, measured=measured, step=at + 1, epochs=1.0, sign=sign, rule=rule)
    return beside(VERDICT, tracker, reference=mark, sign=sign, rule=rule)


@pytest.mark.parametrize(
    ("values", "options", "surpasses"),
    [
        ([0.81], {}, True),
        ([0.8], {}, False),
        ([0.81], {"min_delta": 0.02}, False),
        ([0.9, 0.79], {}, False),  # as it is now
        ([0.9, 0.79], {"smoothing": 2}, True),
        ([0.9, 0.85, 0.85], {"smoothing": 3}, True),  # gains among evaluations do not move what it is compared with
        ([0.9, 0.9], {"smoothing": 3}, False),  # too few to tell
        ([0.79], {"sign": -1}, True),
        ([0.81], {"spread": (-0.01, 0.01), "noise": 1.0}, False),  # a standard error of 0.01
        ([0.82], {"spread": (-0.01, 0.01), "noise": 1.0}, True),
    ],
)
def test_a_student_surpasses_its_teacher_by_what_counts_as_a_gain(values, options, surpasses):
    assert _beside(values, **options).surpasses == surpasses


@pytest.mark.parametrize(
    ("value", "reference", "sign", "expected"),
    [
        (0.4, 0.8, 1, 0.5),
        (0.8, 0.4, -1, 0.5),
        (-0.1, 0.5, 1, -0.2),
        (0.5, 0.0, 1, None),
        (0.5, -0.1, 1, None),
        (0.0, 0.5, -1, None),
    ],
)
def test_retention_is_the_metric_over_the_reference_or_the_inverse_where_lower_is_better(
    value, reference, sign, expected
):
    assert retention(value, reference, sign=sign) == expected


@pytest.mark.parametrize("evaluations", [1, 2, 3])
def test_what_a_task_retains_is_told_from_as_many_evaluations_as_are_smoothed_over(evaluations):
    found = _beside([0.7] * evaluations, smoothing=3)
    assert found.retained == (pytest.approx(0.875) if evaluations == 3 else None)


def test_what_was_not_evaluated_since_is_left_as_it_is():
    assert beside(VERDICT, Tracker(), reference=0.5, sign=1, rule=HASTY) == VERDICT
