"""Teachers that are no single point of training."""

from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.storage import Storage
from ray_mtlkd.training.evaluation.evaluate import metrics_of
from ray_mtlkd.training.run import train
from ray_mtlkd.training.settings import Distillation, Optimization
from tests.rules import HASTY

SHORT = Optimization(steps=30, batch_size=16, eval_every=3, lr=2e-2, finish="budget")
QUICK = replace(HASTY, min_delta=10.0)
"""Every task has converged at its third evaluation."""
EAGER = replace(HASTY, patience=1, noise=0.05)
"""A task has converged at the first evaluation without a gain."""
REWINDING = {"name": "joint_kd", "curriculum": {"rewind": True}}
FIXED = Distillation(kd_weight=1.0)
STEADY = {
    "average": replace(FIXED, teacher="average", average_of=2),
    "ema": replace(FIXED, teacher="ema", ema=0.6),
}


@pytest.fixture
def run(job, inline, tmp_path):
    def train_with(
        kd, *, strategy="joint_kd", relabel=inline, folder="", report=lambda _: None, every_s=60.0, rule=QUICK, **more
    ):
        made = job(strategy, kd=kd, training=SHORT, convergence=rule, **more)
        return train(
            made,
            relabel=relabel,
            report=report,
            storage=Storage.at(str(tmp_path / folder)),
            checkpoint_every_s=every_s,
        )

    return train_with


@pytest.fixture
def whole(run, once):
    """The outcome of a run that nothing interrupts, which trains once for all tests."""
    return lambda kd, strategy: once(repr((kd, strategy)), lambda: run(kd, strategy=strategy, folder="whole"))


def killed(run, kd, *, strategy, rule=QUICK, **more):
    """The outcome of a run that dies where tasks converge, after that, then ever more seldom."""
    seen = 0

    def die(_):
        nonlocal seen
        seen += 1
        if seen in {3, 7, 14, 28}:
            torch.rand(seen)  # whatever else the worker does in between
            raise InterruptedError

    while seen < 60:
        with suppress(InterruptedError):
            return run(kd, strategy=strategy, folder="killed", report=die, every_s=0.0, rule=rule, **more)
    pytest.fail("the run never ends")


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
def test_a_teacher_of_one_model_is_the_peak(run, whole, same, strategy):
    peak, other = whole(FIXED, strategy), run(same, strategy=strategy)
    assert [replace(task, events=[]) for task in other.tasks] == [replace(task, events=[]) for task in peak.tasks]


@pytest.mark.parametrize("strategy", ["joint_kd", REWINDING], ids=str)
@pytest.mark.parametrize("name", STEADY)
def test_a_killed_run_makes_the_same_teachers_again(run, name, strategy):
    whole = run(STEADY[name], strategy=strategy, folder="whole")
    assert _untimed(killed(run, STEADY[name], strategy=strategy)) == _untimed(whole)


def test_who_distils_nothing_keeps_no_average(job):
    steady = STEADY["ema"], STEADY["average"]
    assert [job("joint_kd", kd=kd).teacher for kd in steady] == ["ema", "average"]
    assert [(job("stop", kd=kd).teacher, job("stop", kd=kd).leaders) for kd in steady] == [(None, 1)] * 2


@pytest.mark.parametrize(("rule", "is_still"), [(QUICK, True), (EAGER, False)])
def test_a_student_that_is_its_teacher_still_is_weighed_at_the_next_evaluation(run, rule, is_still):
    measured, plain = Distillation(pull=0.01), Mlp(hidden=(8,), dropout=0.0)
    given = {"strategy": "joint_kd", "encoder": plain, "rule": rule}
    whole = run(measured, folder="whole", **given)
    assert _untimed(killed(run, measured, **given)) == _untimed(whole)
    switches = 0
    for task in whole.tasks:
        own = [event for event in task.events if event.task is not None]
        by_step = {point.step: point.kd_weight for point in task.curve}
        for switched in (event for event in own if event.kind == "relabel"):
            switches += 1
            assert (switched.model_step == switched.step) == is_still
            assert (by_step[switched.step] == 1.0) == is_still
            then = [switched.step + SHORT.eval_every] if is_still else []
            assert [event.step for event in own if event.kind == "weigh"] == then
            assert task.curve[-1].kd_weight < 1.0
    assert switches


TURNING = {
    "reteach": {"name": "joint_kd", "curriculum": {"reteach": True}},
    "retention": {"name": "joint_kd", "curriculum": {"retention": 1.0}},
    "stop_and_go": {"name": "stop_and_go", "curriculum": {"degradation": 0.0}},
}
EVENT = {"reteach": "relabel", "retention": "return", "stop_and_go": "return"}


@pytest.mark.parametrize("name", TURNING)
def test_tasks_that_turn_do_so_again_in_a_killed_run(run, name):
    whole = run(FIXED, strategy=TURNING[name], folder="whole", rule=EAGER)
    assert _untimed(killed(run, FIXED, strategy=TURNING[name], rule=EAGER)) == _untimed(whole)
    turned = 0
    for task in whole.tasks:
        own = [event for event in task.events if event.task is not None]
        again = [event for event in own if event.kind == EVENT[name]][name == "reteach" :]
        turned += len(again)
        by_step = {point.step: point for point in task.curve}
        for event in again:
            assert by_step[event.step].phase == ("distilling" if name == "reteach" else "labels")
            assert "beside" in event.reason
    assert turned


def test_a_run_whose_tasks_have_all_converged_goes_on_while_one_has_gone_back(job, inline, tmp_path):
    training = replace(SHORT, steps=80, finish="converged", cooldown=0.2)
    made = job(TURNING["retention"], kd=FIXED, training=training, convergence=QUICK)
    storage = Storage.at(str(tmp_path))
    outcome = train(made, relabel=inline, report=lambda _: None, storage=storage, checkpoint_every_s=60.0)
    events = [event for task in outcome.tasks for event in task.events]
    back, end = max(event.batches for event in events if event.kind == "return"), events[-1]
    assert end.kind == "finish"
    assert back + 0.2 * made.budget < end.batches < made.budget
    begun = {event.batches for event in events if event.kind == "cooldown"}
    assert min(begun) < back < max(begun)


def test_a_task_that_has_gone_back_to_its_labels_learns_from_them(run):
    """Its distillation has no weight then, and neither its soft labels nor their number change until it resumes."""
    outcome = run(FIXED, strategy=TURNING["retention"])
    points = [point for task in outcome.tasks for point in task.curve]
    assert {point.phase for point in points if point.kd_weight is not None} == {"distilling"}
    assert {point.phase for point in points if point.kd_weight is None} == {"labels"}
    for task in outcome.tasks:
        kinds = [event.kind for event in task.events if event.kind in {"relabel", "return", "resume"}]
        assert kinds[0] == "relabel"
        for kind, then in pairwise(kinds):
            assert then in ({"return"} if kind != "return" else {"relabel", "resume"})


def test_a_task_that_distils_again_after_its_labels_is_weighed_anew(run):
    measured = Distillation(pull=0.5)
    whole = run(measured, strategy=TURNING["retention"], folder="whole")
    assert _untimed(killed(run, measured, strategy=TURNING["retention"])) == _untimed(whole)
    pairs = []
    for task in whole.tasks:
        resumed = {event.step for event in task.events if event.task is not None and event.kind == "resume"}
        weight = None
        for point in task.curve:
            if point.step in resumed:
                pairs.append((weight, point.kd_weight))
            weight = weight if point.kd_weight is None else point.kd_weight
    assert pairs
    assert all(before != after for before, after in pairs)


def test_a_task_is_retaught_by_better_teachers_only(run, inline, tables):
    """An average that is slow may reach less than the one before."""
    reached = {table.task.name: [] for table in tables.tasks}

    def relabel(request):
        reached[request.task] += metrics_of(request.model, tables, "valid", [request.index])
        return inline(request)

    slow = replace(FIXED, teacher="ema", ema=0.97)
    outcome = run(slow, strategy=TURNING["reteach"], relabel=relabel, rule=EAGER)
    signs = {table.task.name: -1 if table.task.metric == "rmse" else 1 for table in tables.tasks}
    for task, values in reached.items():
        assert values == sorted(set(values), key=lambda value: signs[task] * value)
    assert max(map(len, reached.values())) > 1
    assert any(event.kind == "resume" for task in outcome.tasks for event in task.events)
