"""Runs whose tasks distil from rows that they have no labels of."""

from contextlib import suppress
from dataclasses import replace

import pytest
import torch

from ray_mtlkd.storage import Storage
from ray_mtlkd.training.run import train
from ray_mtlkd.training.settings import Distillation, Optimization
from ray_mtlkd.training.state.soft_labels import SoftTable, SoftTarget
from ray_mtlkd.training.step.trainer import Trainer
from ray_mtlkd.training.transfer import transfer_set
from tests.rules import HASTY

SHORT = Optimization(steps=36, batch_size=16, eval_every=3, lr=2e-2, finish="budget")
QUICK = replace(HASTY, patience=1, min_delta=10.0)
"""Every task has converged at its second evaluation."""
REWINDING = {"name": "joint_kd", "curriculum": {"rewind": True}}
ROWS = {rows: Distillation(rows=rows, kd_weight=1.0, every=1, confidence=0.6) for rows in ("own", "all", "confident")}


class _KilledError(Exception):
    pass


@pytest.fixture
def run(job, inline, tmp_path):
    def train_with(kd, *, of, strategy="joint_kd", folder="", relabel=inline, report=lambda _: None, every_s=60.0):
        made = job(strategy, of=of, kd=kd, training=SHORT, convergence=QUICK)
        storage = Storage.at(str(tmp_path / folder))
        outcome = train(made, relabel=relabel, report=report, storage=storage, checkpoint_every_s=every_s)
        return replace(outcome, end=replace(outcome.end, wall_s=0.0, cpu_s=0.0))

    return train_with


@pytest.fixture
def whole(run, once):
    """The outcome for rows of `ROWS`, of a run that nothing interrupts and that trains once for all tests."""

    def outcome(rows, *, of, strategy):
        key = rows, of.name, len(of.tasks), str(strategy)
        return once(key, lambda: run(ROWS[rows], of=of, strategy=strategy, folder=rows))

    return outcome


def killed(run, kd, *, folder, **options):
    """The outcome of a run that dies at every fifth evaluation."""
    seen = 0

    def die(_):
        nonlocal seen
        seen += 1
        if seen % 5 == 0:
            torch.rand(seen)  # whatever else the worker does in between
            raise _KilledError

    while seen < 60:
        with suppress(_KilledError):
            return run(kd, folder=folder, report=die, every_s=0.0, **options)
    pytest.fail("the run never ends")


@pytest.mark.parametrize(("which", "strategy"), [("readable", REWINDING), ("shared_tables", "joint_kd")])
def test_rows_of_others_cost_no_batch_change_the_outcome_and_are_drawn_again_after_a_death(
    run, whole, request, which, strategy
):
    of = request.getfixturevalue(which)
    found = {rows: whole(rows, of=of, strategy=strategy) for rows in ROWS}
    assert {outcome.end.batches for outcome in found.values()} == {SHORT.steps * len(of.tasks)}
    assert len({tuple(task.test for task in outcome.tasks) for outcome in found.values()}) == len(ROWS)
    assert killed(run, ROWS["confident"], of=of, strategy=strategy, folder="killed") == found["confident"]


def test_records_say_of_which_tables_a_task_s_teacher_labelled_rows_and_how_many_were_taken(whole, readable):
    for rows in ROWS:
        outcome = whole(rows, of=readable, strategy=REWINDING)
        for task, result in enumerate(outcome.tasks):
            expected = transfer_set(readable, task, rows).tables
            assert [(table.table, table.rows) for table in result.taught_rows] == [(t.table, t.rows) for t in expected]
            assert result.distilled_rows == sum(table.drawn for table in result.taught_rows)
            first, *others = result.taught_rows
            assert first.drawn == first.rows
            sure = readable.tasks[task].task.kind != "regression" and rows == "confident"
            assert all(table.drawn < table.rows if sure else table.drawn == table.rows for table in others)
            reasons = [event.reason for event in result.events if event.kind == "relabel"]
            assert all((f"{first.rows:,} rows of {first.table}" in reason) == (rows != "own") for reason in reasons)


def test_teachers_that_trained_before_label_rows_of_others_too(run, readable):
    outcome = run(ROWS["all"], of=replace(readable, tasks=readable.tasks[:2]), strategy="single_kd")
    assert [[table.table for table in task.taught_rows] for task in outcome.tasks] == [
        ["yes/train", "which/train"],
        ["which/train", "yes/train"],
    ]


def test_a_row_without_a_label_counts_1_whatever_labels_count(job, readable):
    task, weights = 1, torch.full((len(readable.tasks[1].train),), 5.0)
    weighed = replace(readable.tasks[task], train=replace(readable.tasks[task].train, weights=weights))
    losses = []
    for own in (readable.tasks[task], weighed):
        of = replace(readable, tasks=(readable.tasks[0], own, *readable.tasks[2:]))
        trainer, rows = Trainer(job("sum", of=of)), transfer_set(of, task, "all")
        others = torch.arange(len(own.train), len(rows.examples))
        trainer.teach(task, replace(rows, drawn=others))
        table = SoftTable(values=torch.zeros(len(rows.examples), 3), classes=None, outputs=3)
        losses.append(trainer.step([task], soft={task: SoftTarget(table=table)}, share=0.5).losses)
    assert losses[0] == losses[1]
