"""When tasks that distil take a batch, on which targets, and what a switch costs."""

from dataclasses import replace

import pytest
import torch

from ray_mtlkd.storage import Storage
from ray_mtlkd.training.distilling import active, label_share
from ray_mtlkd.training.run import train
from ray_mtlkd.training.settings import Distillation, Optimization
from ray_mtlkd.training.state.soft_labels import SoftTable, SoftTarget
from ray_mtlkd.training.step.trainer import Trainer
from tests.rules import HASTY

MIXED = ("labels", "distilling", "waiting", "distilling", "stopped")


@pytest.mark.parametrize(
    ("phases", "every", "expected"),
    [
        (MIXED, 1, [[0, 1, 3]] * 4),
        (MIXED, 2, [[0, 1, 3], [0], [0, 1, 3], [0]]),
        (MIXED, 3, [[0], [0, 1], [0, 3], [0]]),
        (("distilling", "distilling", "stopped"), 3, [[0, 1]] * 4),
        (("labels", "labels"), 3, [[0, 1]] * 4),
        (("waiting", "stopped"), 3, [[]] * 4),
    ],
)
def test_a_task_that_distils_takes_a_batch_in_one_step_of_so_many_while_others_learn(phases, every, expected):
    assert [active(phases, step=step, every=every) for step in (1, 2, 3, 4)] == expected


@pytest.mark.parametrize(
    ("setting", "spent", "since", "expected"),
    [
        (0.0, 0.9, 0.4, 0.0),
        (0.3, 0.9, 0.4, 0.3),
        ("anneal", 0.4, 0.4, 0.0),
        ("anneal", 0.7, 0.4, 0.5),
        ("anneal", 1.0, 0.4, 1.0),
        ("anneal", 1.0, 1.0, 1.0),
    ],
)
def test_labels_keep_their_share_or_win_it_back_by_the_end_of_the_budget(setting, spent, since, expected):
    found = label_share(Distillation(label_weight=setting), spent=spent, since=since)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("which", ["tables", "shared_tables"])
def test_a_loss_is_labels_and_teacher_by_what_they_count(job, request, which):
    given = request.getfixturevalue(which)
    table = SoftTable(values=torch.zeros(len(given.tasks[1].train), 3), classes=None, outputs=3)

    def loss(soft):
        report = Trainer(job("sum", of=given)).step(range(len(given.tasks)), soft=soft, share=0.5)
        return report.losses[1]

    taught, hard = loss({1: SoftTarget(table=table)}), loss({})
    assert loss({1: SoftTarget(table=table, teacher=0.2, labels=0.7)}) == pytest.approx(0.2 * taught + 0.7 * hard)


@pytest.fixture
def run(job, inline, tmp_path):
    """A run to the end of its budget under such settings: its outcome, and every evaluation."""
    training = Optimization(steps=60, batch_size=16, eval_every=3, lr=2e-2, finish="budget")

    def train_with(kd, *, of, folder="", **options):
        told = []
        storage = Storage.at(str(tmp_path / folder))
        made = job("joint_kd", of=of, kd=kd, training=training, **options)
        return train(made, relabel=inline, report=told.append, storage=storage, checkpoint_every_s=60), told

    return train_with


@pytest.mark.parametrize("which", ["tables", "shared_tables"])
def test_a_switch_is_charged_for_what_it_measures_and_says_what_it_came_to(run, request, which):
    of = request.getfixturevalue(which)
    outcome, told = run(Distillation(temperature=4.0, pull=0.25, every=1), of=of)
    events = [event for evaluation in told for event in evaluation.events]
    switches = sum(event.kind == "relabel" for event in events)
    assert switches
    steps = len(of.tasks) * outcome.end.steps
    assert steps < outcome.end.batches <= min(60 * len(of.tasks), steps + 2 * 8 * switches)
    for task in outcome.tasks:
        at = [event.step for event in task.events if event.kind == "relabel"]
        before = {point.kd_weight for point in task.curve if not at or point.step < at[0]}
        after = {point.kd_weight for point in task.curve if at and point.step >= at[0]}
        assert before == {None}
        assert len(after) == len(at)
        assert all(0 < weight <= 1 for weight in after)


def test_a_fixed_weight_costs_nothing(run, tables):
    outcome, _ = run(Distillation(kd_weight=0.3, every=1), of=tables)
    assert outcome.end.batches == 5 * outcome.end.steps
    assert {task.curve[-1].kd_weight for task in outcome.tasks} == {0.3}


@pytest.mark.parametrize("which", ["tables", "shared_tables"])
def test_what_a_slower_pace_saves_goes_to_the_tasks_that_still_learn(run, request, which):
    of = request.getfixturevalue(which)
    spent = {}
    for every in (1, 4):
        _, told = run(Distillation(every=every, kd_weight=1.0), of=of, folder=str(every))
        assert told[-1].batches <= 60 * len(of.tasks)
        spent[every] = {evaluation.step: evaluation.batches for evaluation in told}
    common = sorted(spent[1].keys() & spent[4].keys())
    assert [step for step in common if spent[4][step] < spent[1][step]]


def test_no_step_is_empty_where_all_tasks_distil(run, tables):
    """No metric gains so much: all tasks switch at the second evaluation."""
    quick = replace(HASTY, patience=1, min_delta=10.0)
    _, told = run(Distillation(every=50, label_weight="anneal"), of=tables, convergence=quick)
    steps = [evaluation.step for evaluation in told]
    assert steps == sorted(set(steps))
