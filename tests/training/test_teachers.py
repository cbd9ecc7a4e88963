"""Teachers that are no single point of training."""

from dataclasses import replace

import pytest
import torch

from ray_mtlkd.storage import Storage
from ray_mtlkd.training.evaluation.evaluate import metrics_of
from ray_mtlkd.training.run import train
from ray_mtlkd.training.settings import Distillation, Optimization
from tests.rules import HASTY

SHORT = Optimization(steps=30, batch_size=16, eval_every=3, lr=2e-2, finish="budget")
QUICK = replace(HASTY, min_delta=10.0)
"""Every task has converged at its third evaluation."""
REWINDING = {"name": "joint_kd", "curriculum": {"rewind": True}}
FIXED = Distillation(kd_weight=1.0)
STEADY = {
    "average": replace(FIXED, teacher="average", average_of=2),
    "ema": replace(FIXED, teacher="ema", ema=0.6),
}


@pytest.fixture
def run(job, inline, tmp_path):
    def train_with(kd, *, strategy="joint_kd", relabel=inline, folder="", report=lambda _: None, every_s=60.0):
        made = job(strategy, kd=kd, training=SHORT, convergence=QUICK)
        return train(
            made,
            relabel=relabel,
            report=report,
            storage=Storage.at(str(tmp_path / folder)),
            checkpoint_every_s=every_s,
        )

    return train_with


def _untimed(outcome):
    return replace(outcome, end=replace(outcome.end, wall_s=0.0, cpu_s=0.0))


@pytest.mark.parametrize("name", STEADY)
def test_what_is_said_of_a_teacher_is_what_the_model_that_labels_reaches(run, inline, tables, name):
    reached = {}

    def relabel(request):
        reached[request.task] = metrics_of(request.model, tables, "valid", [request.index])[0]
        return inline(request)

    outcome = run(STEADY[name], relabel=relabel)
    assert len(reached) == 5
    assert {table.task.name: task.teacher for table, task in zip(tables.tasks, outcome.tasks, strict=True)} == reached
    assert all(task.retention == task.valid / task.teacher for task in outcome.tasks)
    peaks = [next(point.valid for point in task.curve if point.step == task.teacher_step) for task in outcome.tasks]
    assert peaks != [task.teacher for task in outcome.tasks]


@pytest.mark.parametrize(
    "same",
    [Distillation(kd_weight=1.0, teacher="ema", ema=0.0), Distillation(kd_weight=1.0, teacher="average", average_of=1)],
)
@pytest.mark.parametrize("strategy", ["joint_kd", REWINDING], ids=str)
def test_a_teacher_of_one_model_is_the_peak(run, same, strategy):
    peak, other = run(FIXED, strategy=strategy, folder="1"), run(same, strategy=strategy, folder="2")
    assert [replace(task, events=[]) for task in other.tasks] == [replace(task, events=[]) for task in peak.tasks]


@pytest.mark.parametrize("strategy", ["joint_kd", REWINDING], ids=str)
@pytest.mark.parametrize("name", STEADY)
def test_a_killed_run_makes_the_same_teachers_again(run, name, strategy):
    whole = run(STEADY[name], strategy=strategy, folder="whole")
    seen = 0

    def die(_):
        nonlocal seen
        seen += 1
        if seen % 3 == 0:
            torch.rand(seen)  # whatever else the worker does in between
            raise InterruptedError

    for _ in range(20):
        try:
            again = run(STEADY[name], strategy=strategy, folder="killed", report=die, every_s=0.0)
            break
        except InterruptedError:
            continue
    assert seen > 3
    assert _untimed(again) == _untimed(whole)


def test_who_distils_nothing_keeps_no_average(job):
    steady = STEADY["ema"], STEADY["average"]
    assert [job("joint_kd", kd=kd).teacher for kd in steady] == ["ema", "average"]
    assert [(job("stop", kd=kd).teacher, job("stop", kd=kd).leaders) for kd in steady] == [(None, 1)] * 2
