"""Whole runs on small tables."""

import functools
import itertools
import json
import math
from collections import Counter
from dataclasses import replace
from itertools import cycle, pairwise

import pytest
import torch
from torch.nn.modules.module import register_module_forward_hook

from ray_mtlkd.data.inputs import Dense
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders.base import Encoder
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.models.regularizers.matrix_normal import MatrixNormal
from ray_mtlkd.storage import Storage
from ray_mtlkd.strategies import CURRICULA
from ray_mtlkd.strategies.balancers.base import Signals
from ray_mtlkd.strategies.balancers.dtp import DTP
from ray_mtlkd.training.evaluation.evaluate import BATCH_ROWS, metrics_of, predict_all, skill_of
from ray_mtlkd.training.job import Ladder
from ray_mtlkd.training.run import train
from ray_mtlkd.training.settings import Convergence, Distillation, Optimization
from ray_mtlkd.training.state.checkpoint import Checkpoints, DamagedCheckpointError
from ray_mtlkd.training.state.soft_labels import SoftTable, SoftTarget, soft_table
from ray_mtlkd.training.step.feed import batch_sizes, feed
from ray_mtlkd.training.step.trainer import Trainer
from tests.rules import HASTY
from tests.sharings import EVERY, Decay

NAMED = (
    "sum",
    {"name": "static", "balancer": {"weights": [1, 1.5, 0.5]}},
    "uncertainty",
    "gradnorm",
    "pcgrad",
    "joint_kd",
    "sequential_kd",
    "single_task",
    {"name": "split", "curriculum": {"groups": [["where", "which"]]}},
    "stop",
    "stop_and_go",
    "single_kd",
    "rewind_only",
    "sequential",
    {"curriculum": "sequential_kd", "balancer": "dtp"},
    {"balancer": {"name": "smooth:gradvac", "options": {"beta": 0.2}}},
    {"name": "joint_kd", "curriculum": {"rewind": True}},
    {"name": "sequential_kd", "curriculum": {"rewind": True}},
    {"curriculum": "joint_kd", "balancer": "gradnorm"},
    {"curriculum": "sequential_kd", "balancer": "pcgrad"},
    {"balancer": "torchjd:UPGrad"},
)

SHORT = Optimization(steps=24, batch_size=16, eval_every=3, lr=4e-2, finish="converged")
EAGER = replace(HASTY, patience=1)
"""Tasks converge one after another within so few evaluations."""
OFTEN = Distillation(every=2)
"""Few steps hold some of those in which a task distils."""
BUDGET = 24 * 5
"""Task batches of a short run."""
TO_THE_END = replace(SHORT, steps=42, finish="budget")
"""A run in which every task converges, and which goes on then."""
DEATHS = (3, 7, 14, 28, 56)
"""At which of all the evaluations that it sees a run is killed: before a switch, after it, then ever more seldom."""


class _KilledError(Exception):
    pass


def _silent(_):
    pass


def _run(job, inline, folder, *, report=_silent, checkpoint_every_s=60.0, ladder=None):
    return train(
        job,
        relabel=inline,
        report=report,
        storage=Storage.at(str(folder)),
        checkpoint_every_s=checkpoint_every_s,
        ladder=ladder,
    )


def _dying(at):
    """A report that kills the run at these of its evaluations, counted over all starts."""
    seen = itertools.count(1)

    def die(_):
        if next(seen) in at:
            raise _KilledError

    return die


def _interrupted(make, inline, folder):
    """The outcome of a run that dies at least twice and is started again."""
    die = _dying(DEATHS)
    for deaths in range(len(DEATHS) + 1):
        try:
            outcome = _run(make(), inline, folder, report=die, checkpoint_every_s=0)
        except _KilledError:
            torch.rand(7)  # whatever else the worker does in between
            continue
        assert deaths >= 2
        return outcome
    pytest.fail("the run never ends")


def _untimed(outcome):
    return replace(outcome, end=replace(outcome.end, wall_s=0.0, cpu_s=0.0))


@pytest.fixture
def short(job):
    """Makes a job of few steps."""
    return functools.partial(job, training=SHORT, convergence=EAGER, kd=OFTEN)


@pytest.fixture(scope="module")
def whole(once, inline, tmp_path_factory):
    """The outcome of a job that nothing interrupts, which trains once for all tests."""
    return lambda job: once(job.fingerprint, lambda: _run(job, inline, tmp_path_factory.mktemp("whole")))


@pytest.mark.parametrize("strategy", NAMED, ids=str)
def test_a_killed_run_resumes_and_ends_within_its_budget_with_the_same_outcome_bit_for_bit(
    short, whole, inline, tmp_path, strategy
):
    def make():
        return short(strategy, only=(1, 3, 4))

    expected = whole(make())
    assert 0 < expected.end.batches <= 3 * SHORT.steps
    assert _untimed(_interrupted(make, inline, tmp_path)) == _untimed(expected)


def test_a_run_whose_balancer_measures_a_gramian_leaves_how_the_tasks_gradients_agree(short, whole):
    for task, result in enumerate(whole(short("pcgrad", only=(1, 3, 4))).tasks):
        assert result.cosines[task] == pytest.approx(1.0)
        assert all(-1 <= cosine < 1 for at, cosine in enumerate(result.cosines) if at != task)
        assert result.affinities[task] > 0
    for strategy in ("sum", {"curriculum": "single_task", "balancer": "pcgrad"}):
        results = whole(short(strategy, only=(1, 3, 4))).tasks
        assert [(result.cosines, result.affinities) for result in results] == [([], [])] * 3
        assert {point.conflict for result in results for point in result.curve} == {None}


def test_how_often_a_task_conflicts_is_of_the_steps_since_the_last_evaluation(short, whole):
    curves = [result.curve for result in whole(short("pcgrad", only=(0, 3))).tasks]
    shares = [[point.conflict for point in curve] for curve in curves]
    # of two tasks each meets the other alone, once a step, and of three steps any number may conflict
    assert shares[0] == shares[1]
    assert set(shares[0]) <= {0, 1 / 3, 2 / 3, 1}
    assert len(set(shares[0])) > 1


def test_a_task_conflicts_with_those_alone_that_learn_from_labels(short, whole):
    given = short({"curriculum": "joint_kd", "balancer": "pcgrad"}, only=(0, 3), training=TO_THE_END)
    curves = list(zip(*(result.curve for result in whole(given).tasks), strict=True))
    for before, after in pairwise(curves):
        alone = any(point.phase == "distilling" for point in before)
        assert all((point.conflict is None) == alone for point in after)
    assert {point.conflict is None for points in curves for point in points} == {True, False}


def test_what_regularizers_charge_and_how_they_relate_tasks_is_told(short, inline, tmp_path):
    given = short("sum", only=(0, 3))
    regular = replace(given.configuration.architecture, regularizers=(MatrixNormal(strength=0.1),))
    told = []
    outcome = _run(
        replace(given, configuration=replace(given.configuration, architecture=regular)),
        inline,
        tmp_path,
        report=told.append,
    )
    assert [set(evaluation.penalties) for evaluation in told] == [{"matrix_normal"}] * len(told)
    (first, _), (_, second) = (result.relations for result in outcome.tasks)
    assert first + second == pytest.approx(1.0)


def _split(*groups, balancer="sum"):
    return {"curriculum": {"name": "split", "groups": [list(group) for group in groups]}, "balancer": balancer}


def test_a_task_that_no_group_names_trains_as_a_single_task_does_bit_for_bit(short, whole):
    split, alone = (whole(short(strategy, only=(1, 3, 4))) for strategy in (_split(("which", "much")), "single_task"))
    found = [
        [getattr(outcome.tasks[2], name) for name in ("valid", "test", "valid_peak")] for outcome in (split, alone)
    ]
    assert found[0] == found[1]
    assert split.tasks[0].test != alone.tasks[0].test


def test_a_group_trains_as_these_tasks_alone_would_and_all_groups_have_the_budget_of_one_model(short, whole):
    patient = replace(HASTY, patience=1000)
    split = whole(short(_split(("which", "much"), balancer="pcgrad"), only=(1, 3, 4), convergence=patient))
    pair = whole(short("pcgrad", only=(1, 3), convergence=patient))
    assert [task.test for task in split.tasks[:2]] == [task.test for task in pair.tasks]
    assert split.end.batches == 3 * SHORT.steps
    assert split.tasks[0].cosines == [*pair.tasks[0].cosines, None]
    assert split.tasks[2].cosines == []


def test_a_trial_has_the_parameters_of_all_its_models(short, whole):
    patient = replace(HASTY, patience=1000)
    split = whole(short(_split(("which", "much"), balancer="pcgrad"), only=(1, 3, 4), convergence=patient)).end
    pair = whole(short("pcgrad", only=(1, 3), convergence=patient)).end
    alone = whole(short(_split(), only=(4,))).end
    model = Trainer(short("pcgrad", only=(1, 3))).model
    assert pair.parameters == pair.trained_parameters == sum(p.numel() for p in model.parameters())
    assert split.parameters == pair.parameters + alone.parameters
    assert split.trained_parameters == split.parameters


def test_groups_that_share_rows_train_on_the_batches_of_one_model(short, whole, shared_tables):
    names = [table.task.name for table in shared_tables.tasks]
    outcome = whole(short(_split((names[2], names[0])), of=shared_tables))
    assert len(outcome.tasks) == len(names)
    assert {task.checkpoint_step for task in (outcome.tasks[0], outcome.tasks[2])} == {outcome.tasks[0].checkpoint_step}


def test_a_balancer_is_told_what_the_last_evaluation_found(short, whole):
    given = short("dtp")
    curves = [result.curve for result in whole(given).tasks]
    assert [curve[0].weight for curve in curves] == pytest.approx([1.0] * 5)
    for before, after in pairwise(zip(*curves, strict=True)):
        skills = tuple(skill_of(point.valid, table) for point, table in zip(before, given.tables.tasks, strict=True))
        told = Signals(tasks=tuple(range(5)), losses=(1.0,) * 5, regression=(False,) * 5, skills=skills)
        expected, _ = DTP().weigh(told, DTP().init(5))
        # A mean of equal numbers.
        assert [point.weight for point in after] == pytest.approx(expected.shared)


RUNGS = (0.25, 0.5)


@pytest.mark.parametrize("strategy", ["gradnorm", {"name": "joint_kd", "curriculum": {"rewind": True}}, "single_task"])
def test_a_run_that_pauses_at_rungs_ends_like_one_that_does_not_bit_for_bit(short, whole, inline, tmp_path, strategy):
    given = short(strategy, convergence=HASTY)
    passing = _run(given, inline, tmp_path / "whole", ladder=Ladder(rungs=RUNGS))
    for until in (0.25, 0.5, 1.0):
        torch.rand(7)
        paused = _run(given, inline, tmp_path / "parts", ladder=Ladder(rungs=RUNGS, until=until))
        passed = [share for share in RUNGS if share <= until]
        assert paused.end.stopped_at == (None if until == 1 else until)
        assert [rung.share for rung in paused.end.rungs] == passed
        assert paused.end.rungs == passing.end.rungs[: len(passed)]
        assert paused.end.batches >= until * BUDGET or until == 1
    assert _untimed(paused) == _untimed(passing)
    plain = _untimed(whole(given))
    assert replace(_untimed(passing), end=replace(_untimed(passing).end, rungs=[])) == plain


def test_a_rung_has_no_score_where_a_task_has_not_started(short, inline, tmp_path):
    run = short("sequential_kd", convergence=replace(HASTY, patience=1000))
    rungs = _run(run, inline, tmp_path, ladder=Ladder(rungs=RUNGS)).end.rungs
    assert [rung.score for rung in rungs] == [None, None]


def test_a_run_that_is_over_before_a_rung_passes_it_with_its_last_score(short, inline, tmp_path):
    quick = short("joint_kd", convergence=QUICK)
    end = _run(quick, inline, tmp_path, ladder=Ladder(rungs=(0.9,), until=0.9)).end
    assert end.batches < 0.9 * BUDGET
    assert end.stopped_at is None
    assert [rung.score for rung in end.rungs] == [end.score]


@pytest.mark.parametrize("strategy", ["sum", "sequential_kd", "stop", "single_task"])
def test_without_convergence_the_whole_budget_is_spent(short, inline, tmp_path, strategy):
    rule = replace(HASTY, patience=1000)
    outcome = _run(short(strategy, convergence=rule), inline, tmp_path)
    assert BUDGET - 5 < outcome.end.batches <= BUDGET  # less than a step of all five tasks is left


def test_the_same_seed_gives_the_same_outcome_and_another_seed_another(short, whole, inline, tmp_path):
    first = whole(short("joint_kd"))
    torch.manual_seed(99)
    again = _run(short("joint_kd"), inline, tmp_path / "2")
    other = _run(short("joint_kd", seed=2), inline, tmp_path / "3")
    assert _untimed(first) == _untimed(again)
    assert first.tasks != other.tasks


def test_rewinding_alone_only_costs_steps(short, whole):
    long = replace(SHORT, steps=500)
    plain, rewound = (whole(short(strategy, training=long)) for strategy in ("sum", "rewind_only"))
    assert any(event.kind == "rewind" for task in rewound.tasks for event in task.events)
    assert rewound.end.batches > plain.end.batches
    assert [(task.valid, task.test) for task in rewound.tasks] == [(task.valid, task.test) for task in plain.tasks]


def test_a_model_that_learns_beats_the_trivial_predictor_on_every_task(job, inline, tmp_path, tables):
    outcome = _run(job("sum", convergence=replace(HASTY, patience=8)), inline, tmp_path)
    for task, table in zip(outcome.tasks, tables.tasks, strict=True):
        sign = -1 if table.task.metric == "rmse" else 1
        assert sign * task.test > sign * table.trivial_test
    assert outcome.end.score > 0.5


@pytest.mark.parametrize("strategy", ["sum", "single_task", "sequential_kd"])
def test_the_steps_of_peaks_and_checkpoints_are_those_of_the_trials_curves(short, whole, strategy):
    for task in whole(short(strategy, training=replace(SHORT, steps=40))).tasks:
        by_step = {point.step: point.valid for point in task.curve}
        assert (by_step[task.peak_step], by_step[task.checkpoint_step]) == (task.valid_peak, task.valid)
        assert by_step[max(by_step)] == task.valid_end


def test_a_converged_task_is_relabelled_by_its_best_model(short, inline, tmp_path):
    asked = []

    def spy(request):
        labels = inline(request)
        asked.append((request.task, {k: v.clone() for k, v in request.model.state_dict().items()}))
        return labels

    outcome = _run(short("joint_kd", training=TO_THE_END), spy, tmp_path)
    assert {(task.relabelled_where, task.relabelled_why) for task in outcome.tasks} == {("inline", "a test")}
    assert len(asked) == 5
    for task in outcome.tasks:
        kinds = [event.kind for event in task.events]
        assert kinds.index("converge") < kinds.index("relabel")
        assert task.teacher_step < task.converged_step
        assert task.teacher == next(point.valid for point in task.curve if point.step == task.teacher_step)
        assert task.curve[-1].phase == "distilling"


QUICK = replace(HASTY, patience=1, min_delta=10.0)
"""Every task has converged at its second evaluation."""
REWINDING = {"name": "sequential_kd", "curriculum": {"rewind": True}}


@pytest.mark.parametrize(("strategy", "rule"), [("joint_kd", EAGER), (REWINDING, QUICK)], ids=str)
def test_the_last_task_is_relabelled_only_if_a_step_follows(job, whole, strategy, rule):
    """And so are tasks that converge with it, or when the budget is spent."""
    for finish in ("converged", "budget"):
        training = replace(TO_THE_END, finish=finish)
        outcome = whole(job(strategy, training=training, convergence=rule))
        last = max(task.converged_step for task in outcome.tasks)
        for task in outcome.tasks:
            kinds = {event.kind for event in task.events if event.task is not None}
            follows = finish == "budget" or task.converged_step < last
            assert ("relabel" in kinds, task.curve[-1].phase) == (follows, "distilling" if follows else "labels")
        assert outcome.end.steps == last if finish == "converged" else outcome.end.batches == 5 * training.steps
        assert sum(event.kind == "finish" for event in outcome.tasks[0].events) == 1


@pytest.mark.parametrize(
    ("strategy", "finish"),
    [
        ("sum", "converged"),
        ("stop", "budget"),
        ("rewind_only", "converged"),
        ("sequential_kd", "budget"),
        ("single_task", "converged"),
    ],
)
def test_every_strategy_cools_down_once_its_tasks_have_converged_and_resumes_bit_for_bit(
    job, whole, inline, tmp_path, strategy, finish
):
    def make():
        training = replace(TO_THE_END, finish=finish, cooldown=0.3)
        return job(strategy, training=training, convergence=QUICK, only=(1, 3, 4))

    expected = whole(make())
    for task in expected.tasks:
        (cooled,) = [event for event in task.events if event.kind == "cooldown"]
        assert task.converged_step <= cooled.step < task.curve[-1].step
    assert (expected.end.batches == 3 * TO_THE_END.steps) == (finish == "budget")
    assert _untimed(_interrupted(make, inline, tmp_path)) == _untimed(expected)


def test_a_run_that_never_converges_cools_down_at_the_end_of_its_budget(job, inline, tmp_path):
    for cooldown in (0.0, 0.25):
        training = replace(SHORT, finish="budget", cooldown=cooldown)
        outcome = _run(job("sum", training=training, convergence=replace(HASTY, patience=1000)), inline, tmp_path)
        told = [event.step for event in outcome.tasks[0].events if event.kind == "cooldown"]
        assert told == ([18] if cooldown else [])
        assert outcome.end.batches == BUDGET


def _count_encoder_passes(passes):
    """Write down each forward of any encoder: whether it was in training mode."""
    return register_module_forward_hook(
        lambda module, *_: passes.append(module.training) if isinstance(module, Encoder) else None
    )


def test_a_teacher_predicts_its_table_once_and_its_soft_labels_are_gathered_from_then_on(short, inline, tmp_path):
    """Encoders run in evaluation mode where a table is relabelled or evaluated, and nowhere else."""
    passes, relabelled, evaluations = [], [], []

    def spy(request):
        before = len(passes)
        labels = inline(request)
        assert passes[before:] == [False] * math.ceil(len(request.table.train) / BATCH_ROWS)
        del passes[before:]
        relabelled.append(request.task)
        return labels

    def report(evaluation):
        evaluations.append(Counter(passes))
        distilling = sum(point.phase == "distilling" for point in evaluation.points)
        assert distilling == len(relabelled)
        passes.clear()

    with _count_encoder_passes(passes):
        given = short("joint_kd", training=TO_THE_END, kd=Distillation(kd_weight=1.0, every=1))
        outcome = _run(given, spy, tmp_path, report=report)
    assert len(relabelled) == 5
    # A step is one pass a task, an evaluation one a validation table: none of them has more rows than a batch.
    # Before the first step a few rows of each task go through it twice, to see what their outputs depend on.
    evaluations[0][False] -= 2 * 5
    assert evaluations == [Counter({True: 3 * 5, False: 5})] * (outcome.end.steps // 3)


@pytest.mark.parametrize(("which", "expected"), [("tables", 5), ("shared_tables", 1)])
def test_a_step_on_soft_labels_runs_no_other_network_than_one_on_hard_labels(job, request, which, expected):
    given = request.getfixturevalue(which)
    trainer, tasks, passes = Trainer(job("sum", of=given)), range(len(given.tasks)), []
    soft = {
        task: SoftTarget(table=soft_table(predict_all(trainer.model, task, each.train), each.task, Distillation()))
        for task, each in enumerate(given.tasks)
    }
    for labels in ({}, soft):
        with _count_encoder_passes(passes):
            trainer.step(tasks, soft=labels, share=0.5)
        assert passes == [True] * expected
        passes.clear()


def test_kd_settings_matter_only_once_a_task_distils(short, whole):
    hot = replace(OFTEN, temperature=4.0)
    for strategy, matter in (("sum", False), ("joint_kd", True)):
        assert (whole(short(strategy)).tasks != whole(short(strategy, kd=hot)).tasks) == matter


def test_rewinding_counts_what_it_undoes(short, whole):
    strategy = {"name": "joint_kd", "curriculum": {"rewind": True}}
    outcome = whole(short(strategy, kd=Distillation(kd_weight=1.0, every=1)))
    rewinds = [event for event in outcome.tasks[0].events if event.kind == "rewind"]
    assert rewinds
    steps = [point.step for point in outcome.tasks[0].curve]
    assert steps == sorted(set(steps))
    assert outcome.end.batches == 5 * outcome.end.steps


def test_after_a_rewind_the_model_is_what_it_was(short, whole):
    """Without dropout and with the samplers back in place, the first evaluation after a rewind repeats history."""
    outcome = whole(short("rewind_only", encoder=Mlp(hidden=(16,), dropout=0.0)))
    curve = outcome.tasks[0].curve
    rewind = next(event for event in outcome.tasks[0].events if event.kind == "rewind")
    by_step = {point.step: point for point in curve}
    assert by_step[rewind.step + 3].valid == by_step[rewind.model_step + 3].valid
    assert by_step[rewind.step + 3].loss == by_step[rewind.model_step + 3].loss


def test_a_task_trained_alone_equals_a_setup_of_that_task(short, whole):
    together, alone = whole(short("single_task")), whole(short("single_task", only=(1,)))
    assert together.tasks[1].test == alone.tasks[0].test
    assert together.tasks[1].valid == alone.tasks[0].valid


@pytest.mark.parametrize("strategy", ["sequential", "sequential_kd"])
def test_what_still_waits_starts_when_so_much_of_the_budget_is_spent(job, whole, strategy):
    training, never = replace(TO_THE_END, start_by=0.4), replace(HASTY, patience=1000)
    outcome = whole(job(strategy, training=training, convergence=never))
    assert outcome.end.warnings == []
    first, *late = sorted(event.batches for task in outcome.tasks for event in task.events if event.kind == "start")
    assert first == 0
    (together,) = set(late)
    due = 0.4 * 5 * training.steps
    assert due <= together < due + training.eval_every  # one task trained before
    assert all(task.test is not None for task in outcome.tasks)


def test_nobody_starts_before_its_turn_where_tasks_converge_in_time(job, whole):
    """And the bound that is not reached changes nothing."""
    bounded, free = (
        whole(job("sequential_kd", training=replace(TO_THE_END, start_by=share), convergence=QUICK))
        for share in (0.9, 1.0)
    )
    assert len({event.step for task in free.tasks for event in task.events if event.kind == "start"}) == 5
    assert _untimed(bounded) == _untimed(free)


def test_where_the_budget_ends_before_the_last_task_starts_the_outcome_says_so(job, inline, tmp_path):
    short = Optimization(steps=10, batch_size=16, eval_every=5, lr=1e-2, start_by=1)
    rule = replace(HASTY, patience=1000)
    outcome = _run(job("sequential_kd", training=short, convergence=rule), inline, tmp_path)
    late = [(warning.kind, warning.task) for warning in outcome.end.warnings]
    assert late == [("untrained", name) for name in ("yes", "which", "any", "much")]  # the largest table goes first
    assert outcome.tasks[0].curve[-1].phase == "waiting"
    assert outcome.tasks[0].curve[-1].valid is None


def test_a_loss_that_is_not_finite_ends_the_run_with_task_and_step(job, inline, tmp_path, tables, refused):
    broken = list(tables.tasks)
    inputs = broken[1].train.inputs
    poisoned = inputs.values.clone()
    poisoned[5] = float("nan")
    broken[1] = replace(broken[1], train=replace(broken[1].train, inputs=Dense(poisoned, inputs.codes)))
    bad = replace(job("sum"), tables=replace(tables, tasks=tuple(broken)))
    with refused():
        _run(bad, inline, tmp_path)


def test_a_checkpoint_of_another_job_is_refused(job, inline, tmp_path, refused):
    with pytest.raises(_KilledError):
        _run(job("sum"), inline, tmp_path, report=_dying({3}), checkpoint_every_s=0)
    with refused():
        _run(job("sum", seed=2), inline, tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "missing", "head"])
def test_a_run_with_a_damaged_checkpoint_starts_again_and_ends_the_same(short, whole, inline, tmp_path, damage):
    with pytest.raises(_KilledError):
        _run(short("sum"), inline, tmp_path, report=_dying({3}), checkpoint_every_s=0)
    (live,) = tmp_path.glob("live-*.safetensors")
    if damage == "truncated":
        live.write_bytes(live.read_bytes()[:-1])
    elif damage == "missing":
        live.unlink()
    else:
        (tmp_path / "checkpoint.json").write_text("{")
    steps = []
    outcome = _run(short("sum"), inline, tmp_path, report=lambda evaluation: steps.append(evaluation.step))
    assert steps[0] == 3
    assert _unwarned(outcome) == _untimed(whole(short("sum")))
    assert _restarts(outcome) == ["checkpoint.json" if damage == "head" else live.name]


def _restarts(outcome):
    """The files by whose damage a trial has begun again, as its warnings name them."""
    found = [warning.text for warning in outcome.end.warnings if warning.kind == "restarted"]
    return [text.partition(", since ")[2].partition(" ")[0] for text in found]


def _unwarned(outcome):
    """An outcome without times, and without what says that a trial has begun again."""
    left = [warning for warning in outcome.end.warnings if warning.kind != "restarted"]
    return _untimed(replace(outcome, end=replace(outcome.end, warnings=left)))


def _dying_while_distilling():
    """A report that kills the run two evaluations after its first relabel."""
    distilling = iter(range(100))

    def die(evaluation):
        if any(point.phase == "distilling" for point in evaluation.points) and next(distilling) == 2:
            raise _KilledError

    return die


def test_damaged_soft_labels_are_named_and_the_run_starts_again(short, whole, inline, tmp_path):
    with pytest.raises(_KilledError):
        _run(short("joint_kd"), inline, tmp_path, report=_dying_while_distilling(), checkpoint_every_s=0)
    named = json.loads((tmp_path / "checkpoint.json").read_text())["soft"].values()
    soft = tmp_path / next(iter(named))["name"]
    soft.write_bytes(soft.read_bytes()[:-1] + b"!")
    with pytest.raises(DamagedCheckpointError) as caught:
        Checkpoints(Storage.at(str(tmp_path)), job=short("joint_kd").fingerprint).load()
    assert caught.value.where == str(soft)
    outcome = _run(short("joint_kd"), inline, tmp_path)
    assert _restarts(outcome) == [soft.name]
    assert _unwarned(outcome) == _untimed(whole(short("joint_kd")))


@pytest.fixture(params=zip(EVERY, cycle(["gradnorm", "pcgrad", "sum"])), ids=" x ".join)
def shared_and_pulled(job, shared_tables, request):
    """Makes the job of a way of sharing, this package's or others', with a regularizer."""
    sharing, balancer = request.param
    encoder, regularizers = Mlp(hidden=(6, 4), dropout=0.1), (Decay(strength=0.1),)
    architecture = Architecture(encoder=encoder, sharing=EVERY[sharing], regularizers=regularizers)

    def make():
        strategy = {"curriculum": {"name": "joint_kd", "rewind": True}, "balancer": balancer}
        brief = Optimization(steps=12, batch_size=16, eval_every=2, lr=6e-2, finish="budget")
        given = job(strategy, of=shared_tables, training=brief, convergence=EAGER, kd=OFTEN)
        return replace(given, configuration=replace(given.configuration, architecture=architecture))

    return make


def test_every_way_of_sharing_distils_and_resumes_bit_for_bit(shared_and_pulled, whole, inline, tmp_path):
    expected = whole(shared_and_pulled())
    assert any(task.teacher is not None for task in expected.tasks)
    assert _untimed(_interrupted(shared_and_pulled, inline, tmp_path)) == _untimed(expected)


KD = {
    "half precision": replace(OFTEN, soft_labels="float16"),
    "top 1": replace(OFTEN, top_k=1),
    "every third": Distillation(every=3),
    "anneal": replace(OFTEN, label_weight="anneal"),
    "labels too": replace(OFTEN, label_weight=0.3, kd_weight=0.2),
}


@pytest.mark.parametrize("kd", KD.values(), ids=KD)
def test_runs_that_distil_otherwise_resume_as_they_were(short, whole, inline, tmp_path, kd):
    given = short("joint_kd", kd=kd)
    assert _untimed(whole(given)) != _untimed(whole(short("joint_kd")))
    with pytest.raises(_KilledError):
        _run(given, inline, tmp_path, report=_dying_while_distilling(), checkpoint_every_s=0)
    assert _untimed(_run(given, inline, tmp_path)) == _untimed(whole(given))


def test_a_resumed_run_does_not_repeat_what_its_checkpoint_holds(short, inline, tmp_path):
    with pytest.raises(_KilledError):
        _run(short("sum"), inline, tmp_path, report=_dying({4}), checkpoint_every_s=0)
    steps = []
    _run(short("sum"), inline, tmp_path, report=lambda evaluation: steps.append(evaluation.step))
    assert steps[0] == 12  # three checkpoints were written, the fourth evaluation died before its own


def test_tasks_that_were_trained_alone_are_not_trained_again(short, inline, tmp_path):
    def die_in_the_last_task(evaluation):
        if evaluation.tasks == ("where",):
            raise _KilledError

    with pytest.raises(_KilledError):
        _run(short("single_task"), inline, tmp_path, report=die_in_the_last_task)
    tasks = []
    _run(short("single_task"), inline, tmp_path, report=lambda evaluation: tasks.append(evaluation.tasks))
    assert set(tasks) == {("where",)}


def test_checkpoints_hold_nothing_pickled_and_nothing_stale(short, inline, tmp_path):
    strategy = {"name": "joint_kd", "curriculum": {"rewind": True}}
    _run(short(strategy, training=TO_THE_END), inline, tmp_path, checkpoint_every_s=0)
    names = {path.name for path in tmp_path.iterdir()}
    assert {name.rsplit(".", 1)[1] for name in names} == {"json", "safetensors", "arrow"}
    assert sum(name.startswith("live-") for name in names) == 1
    assert sum(name.startswith("soft-") for name in names) >= 3


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", ["joint_kd", "rewind_only"])
def test_many_rewinds_one_upon_another_find_all_they_go_back_to(job, whole, name, seed):
    """A short patience and frequent evaluations rewind often, also to before an earlier rewind's target."""
    often = Optimization(steps=40, batch_size=8, eval_every=2, lr=5e-2)
    strategy = {"name": name, "curriculum": {"rewind": True}} if name == "joint_kd" else name
    outcome = whole(job(strategy, seed=seed, training=often, convergence=HASTY))
    assert sum(event.kind == "rewind" for event in outcome.tasks[0].events) >= 3


@pytest.mark.parametrize("balancer", ["sum", "static", "uncertainty", "gradnorm", "pcgrad"])
@pytest.mark.parametrize("curriculum", sorted(CURRICULA))
def test_any_curriculum_trains_under_any_balancer(job, whole, curriculum, balancer):
    weights = [1.0] * (1 if curriculum in {"single_task", "split"} else 3)
    value = {"name": balancer, **({"weights": weights} if balancer == "static" else {})}
    brief = Optimization(steps=16, batch_size=16, eval_every=2, lr=4e-2)
    strategy = {"curriculum": curriculum, "balancer": value}
    outcome = whole(job(strategy, training=brief, convergence=QUICK, only=(1, 3, 4)))
    assert 0 < outcome.end.batches <= 16 * 3
    assert sum(task.converged_step is not None for task in outcome.tasks) >= 2
    assert all(math.isfinite(task.test) for task in outcome.tasks)


PRACTICE = Optimization(
    steps=30,
    batch_size=16,
    eval_every=3,
    lr=4e-2,
    schedule="cosine",
    warmup=0.1,
    weight_decay=0.01,
    clip_norm=1.0,
    label_smoothing=0.05,
    ema=0.9,
    sampling="proportional",
    accumulation=2,
    precision="bf16",
    cooldown=0.1,
)
"""Every option of the training at once."""
CAREFUL = Convergence(patience=1, patience_epochs=0.5, min_epochs=1, smoothing=3, noise=0.5)
"""And of convergence."""


@pytest.mark.parametrize("strategy", ["sum", "pcgrad", {"name": "joint_kd", "curriculum": {"rewind": True}}], ids=str)
def test_a_run_with_every_option_resumes_bit_for_bit(job, whole, inline, tmp_path, strategy):
    def make():
        kd = Distillation(temperature=2.0, every=2, label_weight="anneal", pull=0.2)
        return job(strategy, training=PRACTICE, convergence=CAREFUL, kd=kd)

    expected = whole(make())
    assert any(task.converged_step for task in expected.tasks)
    assert _untimed(_interrupted(make, inline, tmp_path)) == _untimed(expected)


STILL = Cnn(embedding=4, channels=4, widths=(1, 3), wide=4, dropout=0.0, word_dropout=0.0)
"""Without chance."""

PAIRS = [
    *zip(sorted(CURRICULA), itertools.cycle(["sum", "gradnorm", "pcgrad"])),
    *(("joint_kd", balancer) for balancer in ("uncertainty", "gradnorm", "torchjd:UPGrad")),
]
"""Every curriculum, and distillation under every sort of balancer."""


class TestSharedRows:
    """Tasks that label the rows of one table."""

    @pytest.mark.parametrize(
        "strategy",
        [{"curriculum": curriculum, "balancer": balancer} for curriculum, balancer in PAIRS],
        ids=lambda strategy: f"{strategy['curriculum']} x {strategy['balancer']}",
    )
    def test_every_strategy_trains_and_resumes_bit_for_bit(
        self, short, whole, inline, tmp_path, shared_tables, strategy
    ):
        def make():
            return short(strategy, of=shared_tables, training=replace(SHORT, finish="budget"))

        expected = whole(make())
        assert expected.end.score > 0.2
        assert _untimed(_interrupted(make, inline, tmp_path)) == _untimed(expected)

    @pytest.mark.parametrize(
        "strategy", ["sum", "pcgrad", "gradnorm", {"curriculum": "joint_kd", "balancer": "pcgrad"}], ids=str
    )
    def test_words_and_texts_train_together_and_resume_bit_for_bit(
        self, job, whole, inline, tmp_path, shared_words, strategy
    ):
        def make():
            settings = replace(PRACTICE, sampling="equal", lr=1e-1, steps=24)
            encoder = Cnn(embedding=12, channels=12, widths=(1, 3), wide=12)
            return job(strategy, of=shared_words, encoder=encoder, training=settings, kd=OFTEN)

        expected = whole(make())
        assert min(task.test for task in expected.tasks) > 0.5
        assert _untimed(_interrupted(make, inline, tmp_path)) == _untimed(expected)

    def test_one_forward_through_the_trunk_serves_all_tasks(self, job, shared_tables):
        for strategy in ("sum", "pcgrad"):
            trainer = Trainer(job(strategy, of=shared_tables))
            passes = []
            trainer.model.encoder.register_forward_hook(lambda *_, seen=passes: seen.append(1))
            trainer.step([0, 1, 2, 3], soft={}, share=0.5)
            assert len(passes) == 1

    def test_the_switch_relabels_one_column_and_leaves_the_others(self, short, inline, tmp_path, shared_tables):
        asked = {}

        def spy(request):
            labels = inline(request)
            asked[request.task] = labels.outputs.shape
            return labels

        outcome = _run(short("joint_kd", of=shared_tables, training=TO_THE_END), spy, tmp_path)
        assert [task.relabelled_where is not None for task in outcome.tasks] == [True] * 4
        assert {name: shape[0] for name, shape in asked.items()} == {
            table.task.name: len(table.train) for table in shared_tables.tasks
        }

    def test_soft_labels_of_one_task_change_that_task_s_loss_only(self, job, shared_tables):
        def losses(soft):
            trainer = Trainer(job("sum", of=shared_tables))
            report = trainer.step([0, 1, 2, 3], soft=soft, share=0.5)
            return dict(zip(report.tasks, report.losses, strict=True))

        hard = losses({})
        table = SoftTable(values=torch.zeros(len(shared_tables.tasks[1].train), 3), classes=None, outputs=3)
        soft = losses({1: SoftTarget(table=table)})
        assert {task for task in hard if hard[task] != soft[task]} == {1}

    def test_metrics_are_those_of_each_task_s_own_rows(self, job, shared_tables):
        model = Trainer(job("sum", of=shared_tables)).model
        together = metrics_of(model, shared_tables, "valid", [0, 1, 2, 3])
        alone = tuple(metrics_of(model, shared_tables, "valid", [task])[0] for task in range(4))
        assert together == pytest.approx(alone, rel=1e-6)

    def test_a_task_alone_draws_its_labelled_rows_only(self, job, shared_tables):
        alone = job("sum", of=shared_tables).alone(3)
        (batch,) = feed(alone.tables, alone.configuration.training, seed=1).draw([0])
        assert len(batch.targets[0].labels) == 16


def test_a_task_alone_has_the_batches_that_it_has_beside_the_others(job, tables):
    whole = job("single_task", training=_plain(sampling="proportional"))
    sizes = [whole.alone(task).configuration.training.batch_size for task in range(5)]
    assert tuple(sizes) == batch_sizes(whole.configuration.training, tables)
    assert len(set(sizes)) > 1


def _plain(**changes):
    return Optimization(**{"steps": 40, "batch_size": 24, "eval_every": 20, "lr": 1e-2, **changes})


@pytest.mark.parametrize("strategy", ["sum", "gradnorm", "pcgrad"])
@pytest.mark.parametrize("which", ["tables", "shared_tables", "shared_words"])
def test_a_batch_in_parts_gives_the_same_update(job, request, strategy, which):
    given = request.getfixturevalue(which)
    encoder = STILL if which == "shared_words" else Mlp(hidden=(16,), dropout=0.0)
    found = []
    for parts in (1, 3):
        torch.manual_seed(5)
        trainer = Trainer(job(strategy, of=given, encoder=encoder, training=_plain(accumulation=parts)))
        for _ in range(3):
            report = trainer.step(range(len(given.tasks)), soft={}, share=0.5)
        found.append((report.losses, trainer.parameters(into={})))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-4)
    for name, tensor in found[0][1].items():
        torch.testing.assert_close(found[1][1][name], tensor, atol=1e-4, rtol=1e-3)


def test_the_average_is_what_is_evaluated_and_kept(job):
    plain, averaged = (Trainer(job("sum", training=_plain(ema=ema))) for ema in (None, 0.5))
    expected = None
    for step in range(4):
        for trainer in (plain, averaged):
            torch.manual_seed(step)
            trainer.step([0, 1, 2, 3, 4], soft={}, share=0.5)
        present = plain.parameters(into={})["model.encoder.layers.0.by_columns.0.layer.linear.weight"]
        decay = min(0.5, (1 + step) / (10 + step))
        expected = present if expected is None else decay * expected + (1 - decay) * present
    torch.testing.assert_close(
        averaged.parameters(into={})["model.encoder.layers.0.by_columns.0.layer.linear.weight"], expected
    )
    torch.testing.assert_close(averaged.model.encoder.layers[0].by_columns[0].layer.linear.weight, expected)


def test_mixed_precision_is_close_to_single_precision(job):
    losses = []
    for precision in ("fp32", "bf16"):
        trainer = Trainer(job("sum", training=_plain(precision=precision), encoder=Mlp(hidden=(16,), dropout=0.0)))
        losses.append(trainer.step([0, 1, 2, 3, 4], soft={}, share=0.5).losses)
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_every_task_starts_at_a_loss_of_about_one(job):
    report = Trainer(job("sum", training=_plain(batch_size=60))).step(range(5), soft={}, share=0.1)
    assert report.losses == pytest.approx([1.0] * 5, abs=0.45)
