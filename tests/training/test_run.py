"""Whole runs on small tables."""

import math
from dataclasses import replace

import pytest
import torch

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.strategies import CURRICULA
from ray_mtlkd.tasks.inputs import Dense
from ray_mtlkd.training.run import train
from ray_mtlkd.training.settings import Convergence, Distillation, Optimization
from ray_mtlkd.training.storage import Storage

NAMED = (
    "sum",
    {"name": "static", "balancer": {"weights": [1, 2, 1, 0.5, 0.5]}},
    "uncertainty",
    "gradnorm",
    "pcgrad",
    "joint_kd",
    "sequential_kd",
    "single_task",
    "stop",
    "rewind_only",
    "sequential",
    {"name": "joint_kd", "curriculum": {"rewind": True}},
    {"name": "sequential_kd", "curriculum": {"rewind": True}},
    {"curriculum": "joint_kd", "balancer": "gradnorm"},
    {"curriculum": "sequential_kd", "balancer": "pcgrad"},
    {"balancer": "torchjd:UPGrad"},
)


class _KilledError(Exception):
    pass


def _silent(_):
    pass


def _run(job, inline, folder, *, report=_silent, checkpoint_every_s=60.0):
    return train(
        job,
        relabel=inline,
        report=report,
        storage=Storage.at(str(folder)),
        checkpoint_every_s=checkpoint_every_s,
    )


def _untimed(outcome):
    return replace(outcome, wall_s=0.0, cpu_s=0.0)


@pytest.mark.parametrize("strategy", NAMED, ids=str)
def test_a_killed_run_resumes_and_ends_with_the_same_outcome_bit_for_bit(job, inline, tmp_path, strategy):
    whole = _run(job(strategy), inline, tmp_path / "whole")
    seen = 0

    def die_every_fourth(_):
        nonlocal seen
        seen += 1
        if seen % 4 == 0:
            raise _KilledError

    outcome = None
    for _ in range(100):
        try:
            outcome = _run(job(strategy), inline, tmp_path / "killed", report=die_every_fourth, checkpoint_every_s=0)
            break
        except _KilledError:
            torch.rand(7)  # whatever else the worker does in between
    assert seen > 4
    assert outcome is not None
    assert _untimed(outcome) == _untimed(whole)


@pytest.mark.parametrize("strategy", NAMED, ids=str)
def test_no_strategy_spends_more_than_the_budget(job, inline, tmp_path, strategy):
    outcome = _run(job(strategy), inline, tmp_path)
    assert 0 < outcome.batches <= 120 * 5


@pytest.mark.parametrize("strategy", ["sum", "sequential_kd", "stop", "single_task"])
def test_without_convergence_the_whole_budget_is_spent(job, inline, tmp_path, strategy):
    rule = Convergence(patience=1000)
    outcome = _run(job(strategy, convergence=rule), inline, tmp_path)
    assert outcome.batches == 120 * 5


def test_the_same_seed_gives_the_same_outcome_and_another_seed_another(job, inline, tmp_path):
    first = _run(job("joint_kd"), inline, tmp_path / "1")
    torch.manual_seed(99)
    again = _run(job("joint_kd"), inline, tmp_path / "2")
    other = _run(job("joint_kd", seed=2), inline, tmp_path / "3")
    assert _untimed(first) == _untimed(again)
    assert first.tasks != other.tasks


def test_a_model_that_learns_beats_the_trivial_predictor_on_every_task(job, inline, tmp_path, tables):
    outcome = _run(job("sum", convergence=Convergence(patience=8)), inline, tmp_path)
    for task, table in zip(outcome.tasks, tables.tasks, strict=True):
        sign = -1 if table.task.metric == "rmse" else 1
        assert sign * task.test > sign * table.trivial_test
    assert outcome.score > 0.5


def test_a_converged_task_is_relabelled_by_its_best_model(job, inline, tmp_path):
    asked = []

    def spy(request):
        labels = inline(request)
        asked.append((request.task, {k: v.clone() for k, v in request.model.state_dict().items()}))
        return labels

    outcome = _run(job("joint_kd"), spy, tmp_path)
    relabelled = {task.relabelled is not None for task in outcome.tasks}
    assert relabelled == {True}
    assert len(asked) == 5
    for task in outcome.tasks:
        kinds = [event.kind for event in task.events]
        assert kinds.index("converge") < kinds.index("relabel")
        assert task.teacher_step < task.converged_step
        assert task.teacher == next(point.valid for point in task.curve if point.step == task.teacher_step)
        assert task.curve[-1].phase == "distilling"


def test_kd_settings_matter_only_once_a_task_distils(job, inline, tmp_path):
    plain = _run(job("sum"), inline, tmp_path / "1")
    hot = _run(job("sum", kd=Distillation(temperature=4.0)), inline, tmp_path / "2")
    assert plain.tasks == hot.tasks
    kd = _run(job("joint_kd"), inline, tmp_path / "3")
    hot_kd = _run(job("joint_kd", kd=Distillation(temperature=4.0)), inline, tmp_path / "4")
    assert kd.tasks != hot_kd.tasks


def test_rewinding_counts_what_it_undoes(job, inline, tmp_path):
    strategy = {"name": "joint_kd", "curriculum": {"rewind": True}}
    outcome = _run(job(strategy), inline, tmp_path)
    rewinds = [event for event in outcome.tasks[0].events if event.kind == "rewind"]
    assert rewinds
    steps = [point.step for point in outcome.tasks[0].curve]
    assert steps == sorted(set(steps))
    assert outcome.batches == 5 * outcome.steps


def test_after_a_rewind_the_model_is_what_it_was(job, inline, tmp_path):
    """Without dropout and with the samplers back in place, the first evaluation after a rewind repeats history."""
    rule = Convergence(patience=2)
    strategy = {"name": "rewind_only"}
    encoder = Mlp(hidden=(16,), dropout=0.0)
    outcome = _run(job(strategy, encoder=encoder, convergence=rule), inline, tmp_path)
    curve = outcome.tasks[0].curve
    rewind = next(event for event in outcome.tasks[0].events if event.kind == "rewind")
    target = int(rewind.reason.rsplit(" ", 1)[1])
    by_step = {point.step: point for point in curve}
    assert by_step[rewind.step + 5].valid == by_step[target + 5].valid
    assert by_step[rewind.step + 5].loss == by_step[target + 5].loss


def test_a_task_trained_alone_equals_a_setup_of_that_task(job, inline, tmp_path):
    together = _run(job("single_task"), inline, tmp_path / "1")
    alone = _run(job("single_task", only=(1,)), inline, tmp_path / "2")
    assert together.tasks[1].test == alone.tasks[0].test
    assert together.tasks[1].valid == alone.tasks[0].valid


def test_where_the_budget_ends_before_the_last_task_starts_the_outcome_says_so(job, inline, tmp_path):
    short = Optimization(steps=10, batch_size=16, eval_every=5, lr=1e-2)
    rule = Convergence(patience=1000)
    outcome = _run(job("sequential_kd", training=short, convergence=rule), inline, tmp_path)
    assert "before yes, which, any, much had" in outcome.notes[0]  # the largest table goes first
    assert outcome.tasks[0].curve[-1].phase == "waiting"
    assert outcome.tasks[0].curve[-1].valid is None


def test_a_loss_that_is_not_finite_ends_the_run_with_task_and_step(job, inline, tmp_path, tables):
    broken = list(tables.tasks)
    inputs = broken[1].train.inputs
    poisoned = inputs.values.clone()
    poisoned[5] = float("nan")
    broken[1] = replace(broken[1], train=replace(broken[1].train, inputs=Dense(poisoned, inputs.codes)))
    bad = replace(job("sum"), tables=replace(tables, tasks=tuple(broken)))
    with pytest.raises(MtlkdError, match=r"task which, step \d+: the loss is nan; lower training.lr"):
        _run(bad, inline, tmp_path)


def test_a_checkpoint_of_another_job_is_refused(job, inline, tmp_path):
    def die(_):
        raise _KilledError

    evaluations = iter(range(100))

    def die_later(evaluation):
        if next(evaluations) == 2:
            die(evaluation)

    with pytest.raises(_KilledError):
        _run(job("sum"), inline, tmp_path, report=die_later, checkpoint_every_s=0)
    with pytest.raises(MtlkdError, match="belongs to other data or another configuration"):
        _run(job("sum", seed=2), inline, tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "missing", "head"])
def test_a_run_with_a_damaged_checkpoint_starts_again_and_ends_the_same(job, inline, tmp_path, damage):
    whole = _run(job("sum"), inline, tmp_path / "whole")
    folder = tmp_path / "damaged"
    evaluations = iter(range(100))

    def die_later(_):
        if next(evaluations) == 2:
            raise _KilledError

    with pytest.raises(_KilledError):
        _run(job("sum"), inline, folder, report=die_later, checkpoint_every_s=0)
    (live,) = folder.glob("live-*.safetensors")
    if damage == "truncated":
        live.write_bytes(live.read_bytes()[:-1])
    elif damage == "missing":
        live.unlink()
    else:
        (folder / "checkpoint.json").write_text("{")
    steps = []
    outcome = _run(job("sum"), inline, folder, report=lambda evaluation: steps.append(evaluation.step))
    assert steps[0] == 5
    assert _untimed(outcome) == _untimed(whole)


def test_a_resumed_run_does_not_repeat_what_its_checkpoint_holds(job, inline, tmp_path):
    evaluations = iter(range(100))

    def die_later(_):
        if next(evaluations) == 3:
            raise _KilledError

    with pytest.raises(_KilledError):
        _run(job("sum"), inline, tmp_path, report=die_later, checkpoint_every_s=0)
    steps = []
    _run(job("sum"), inline, tmp_path, report=lambda evaluation: steps.append(evaluation.step))
    assert steps[0] == 20  # three checkpoints were written, the fourth evaluation died before its own


def test_tasks_that_were_trained_alone_are_not_trained_again(job, inline, tmp_path):
    def die_in_the_last_task(evaluation):
        if evaluation.tasks == ("where",):
            raise _KilledError

    with pytest.raises(_KilledError):
        _run(job("single_task"), inline, tmp_path, report=die_in_the_last_task)
    tasks = []
    _run(job("single_task"), inline, tmp_path, report=lambda evaluation: tasks.append(evaluation.tasks))
    assert set(tasks) == {("where",)}


def test_checkpoints_hold_nothing_pickled_and_nothing_stale(job, inline, tmp_path):
    strategy = {"name": "joint_kd", "curriculum": {"rewind": True}}
    _run(job(strategy), inline, tmp_path, checkpoint_every_s=0)
    names = {path.name for path in tmp_path.iterdir()}
    assert {name.rsplit(".", 1)[1] for name in names} == {"json", "safetensors"}
    assert sum(name.startswith("live-") for name in names) == 1
    assert sum(name.startswith("soft-") for name in names) >= 4


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["joint_kd", "rewind_only"])
def test_many_rewinds_one_upon_another_find_all_they_go_back_to(job, inline, tmp_path, name, seed):
    """A short patience and frequent evaluations rewind often, also to before an earlier rewind's target."""
    often = Optimization(steps=150, batch_size=8, eval_every=2, lr=3e-2)
    strategy = {"name": name, "curriculum": {"rewind": True}} if name == "joint_kd" else name
    outcome = _run(job(strategy, seed=seed, training=often, convergence=Convergence(patience=4)), inline, tmp_path)
    assert sum(event.kind == "rewind" for event in outcome.tasks[0].events) >= 2


@pytest.mark.parametrize("balancer", ["sum", "static", "uncertainty", "gradnorm", "pcgrad"])
@pytest.mark.parametrize("curriculum", sorted(CURRICULA))
def test_any_curriculum_trains_under_any_balancer(job, inline, tmp_path, curriculum, balancer):
    weights = [1.0] * (1 if curriculum == "single_task" else 5)
    value = {"name": balancer, **({"weights": weights} if balancer == "static" else {})}
    short = Optimization(steps=24, batch_size=16, eval_every=2, lr=1e-2)
    made = job({"curriculum": curriculum, "balancer": value}, training=short, convergence=Convergence(patience=1))
    outcome = _run(made, inline, tmp_path)
    assert 0 < outcome.batches <= 24 * 5
    assert all(math.isfinite(task.test) for task in outcome.tasks)
