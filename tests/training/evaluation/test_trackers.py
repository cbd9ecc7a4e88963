"""What follows from the evaluations of a run's tasks."""

from dataclasses import replace

import pytest

from ray_mtlkd.training.evaluation.noise import Validated
from ray_mtlkd.training.evaluation.trackers import Trackers
from ray_mtlkd.training.state.progress import Progress, TeacherStep
from tests.rules import HASTY


@pytest.fixture
def retained(job, tables):
    """What the first of five tasks retains after such evaluations, by the end of which it has stopped."""

    def after(values):
        made = job("stop_and_go", convergence=replace(HASTY, smoothing=3))
        trackers, count = Trackers(made), len(tables.tasks)
        state, _ = made.configuration.strategy.curriculum.begin([])
        progress = Progress(
            curriculum=replace(state, converged=(True,) * count),
            peaks=[None] * count,
            teachers=[TeacherStep(value=max(values), step=1, noticed=2), *[None] * (count - 1)],
            curves=[[] for _ in range(count)],
        )
        for step, value in enumerate(values):
            progress.step = step
            trackers.add({0: Validated(value=value)}, progress, epochs=[1.0] * count)
        return trackers.verdicts(progress)[0].retained

    return after


def test_a_task_that_has_stopped_has_not_fallen_below_its_luckiest_evaluation(retained):
    assert retained([0.5, 0.5, 0.8, 0.5, 0.5]) == 1.0  # the mean of three is where it was at its last gain


def test_a_task_that_has_stopped_has_fallen_below_what_it_was_at_on_average(retained):
    assert retained([0.6, 0.6, 0.6, 0.3, 0.3, 0.3]) == pytest.approx(0.5)
