"""Trials whose teachers train first."""

import math
from contextlib import suppress
from dataclasses import replace

import pytest
import torch

from ray_mtlkd.storage import Storage
from ray_mtlkd.training.job import Ladder
from ray_mtlkd.training.run import train
from ray_mtlkd.training.schooling import check_schooling
from ray_mtlkd.training.settings import Distillation, Optimization
from tests.rules import HASTY

STEPS, T = 24, 2
SHORT = Optimization(steps=STEPS, batch_size=16, eval_every=2, lr=2e-2, finish="budget")
NEVER = replace(HASTY, patience=1000, smoothing=2, noise=0.5)
EVERY = {
    "single_kd": "single_kd",
    "joint": {"name": "ensemble_kd", "curriculum": {"teachers": 2}},
    "alone": {"name": "ensemble_kd", "curriculum": {"teachers": 2, "alone": True, "teachers_share": 0.25}},
}
ANNEALED = Distillation(label_weight="anneal", teacher="ema")


@pytest.fixture
def run(job, inline, tmp_path):
    def train_with(
        strategy,
        *,
        relabel=inline,
        folder="",
        report=lambda _: None,
        rule=NEVER,
        training=SHORT,
        every_s=60.0,
        ladder=None,
    ):
        made = job(strategy, kd=ANNEALED, training=training, convergence=rule, only=(1, 3))
        storage = Storage.at(str(tmp_path / folder))
        return train(made, relabel=relabel, report=report, storage=storage, checkpoint_every_s=every_s, ladder=ladder)

    return train_with


def _untimed(outcome):
    return replace(outcome, end=replace(outcome.end, wall_s=0.0, cpu_s=0.0))


@pytest.mark.parametrize("name", EVERY)
def test_teachers_and_student_spend_one_budget_and_the_student_distils_from_its_first_step(run, inline, name):
    asked, told = [], []

    def relabel(request):
        asked.append((request.task, len(request.tasks)))
        return inline(request)

    outcome = run(EVERY[name], relabel=relabel, report=told.append)
    share = 0.25 if name == "alone" else 0.5
    seeds = 1 if name == "single_kd" else 2
    assert len(asked) == seeds * T
    assert {width for _, width in asked} == ({T} if name == "joint" else {1})
    assert outcome.end.batches == STEPS * T
    batches = [evaluation.batches for evaluation in told]
    assert batches == sorted(batches)
    assert {evaluation.budget for evaluation in told} == {STEPS * T}
    for task in outcome.tasks:
        assert {point.phase for point in task.curve} == {"distilling"}
        assert task.curve[0].batches > share * STEPS * T
        (taught,) = [event for event in task.events if event.kind == "relabel"]
        assert taught.batches == share * STEPS * T
        assert math.isfinite(task.teacher)
        assert task.retention == task.valid / task.teacher
        assert (task.teacher_step, task.relabelled_where) == (None, "inline")


def test_a_single_teacher_is_the_task_s_own_model_of_the_same_seed(run, job, inline, tmp_path):
    outcome = run("single_kd")
    half = replace(SHORT, steps=STEPS // 2)
    alone = train(
        job("single_task", training=half, convergence=NEVER, only=(1, 3)),
        relabel=inline,
        report=lambda _: None,
        storage=Storage.at(str(tmp_path / "alone")),
        checkpoint_every_s=60.0,
    )
    assert [task.teacher for task in outcome.tasks] == [task.valid for task in alone.tasks]
    assert outcome.end.parameters < alone.end.parameters  # the student's alone


def test_what_a_teacher_that_converges_leaves_is_the_student_s(run):
    told = []
    quick = replace(HASTY, patience=1, min_delta=10.0)  # at the second evaluation
    outcome = run("single_kd", rule=quick, training=replace(SHORT, finish="converged"), report=told.append)
    (taught,) = [event for event in outcome.tasks[0].events if event.kind == "relabel"]
    assert taught.batches == T * 2 * SHORT.eval_every
    assert told[-1].batches == outcome.end.batches == taught.batches + T * 2 * SHORT.eval_every


@pytest.mark.parametrize("name", EVERY)
def test_a_killed_trial_ends_the_same(run, name):
    whole, seen = run(EVERY[name], folder="whole"), 0

    def die(_):
        nonlocal seen
        seen += 1
        if seen % 5 == 0:
            torch.rand(seen)  # whatever else the worker does in between
            raise InterruptedError

    while seen < 100:
        with suppress(InterruptedError):
            assert _untimed(run(EVERY[name], folder="killed", report=die, every_s=0.0)) == _untimed(whole)
            return
    pytest.fail("the run never ends")


def test_a_trial_that_pauses_at_rungs_ends_like_one_that_does_not(run):
    rungs = (0.25, 0.5, 0.75)
    whole = run("single_kd", folder="whole", ladder=Ladder(rungs=rungs))
    assert [rung.share for rung in whole.end.rungs] == list(rungs)
    assert [rung.score is None for rung in whole.end.rungs] == [True, True, False]
    for until in (*rungs, 1.0):
        torch.rand(7)
        paused = run("single_kd", folder="parts", ladder=Ladder(rungs=rungs, until=until))
        assert paused.end.stopped_at == (None if until == 1 else until)
        assert paused.end.rungs == whole.end.rungs[: len([share for share in rungs if share <= until])]
    assert _untimed(paused) == _untimed(whole)


@pytest.mark.parametrize(("teachers", "share"), [(7, 0.5), (1, 0.99)])
def test_who_would_never_be_evaluated_is_refused(job, refused, teachers, share):
    strategy = {"name": "ensemble_kd", "curriculum": {"teachers": teachers, "teachers_share": share}}
    with refused():
        check_schooling(job(strategy, training=SHORT).configuration, where="strategies[0]")
