"""How hard a task's losses pull at the shared parameters, measured at its switch."""

from dataclasses import replace

import pytest
import torch

from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.training.settings import Distillation, Optimization
from ray_mtlkd.training.state.soft_labels import SoftTable, SoftTarget
from ray_mtlkd.training.step.feed import stream
from ray_mtlkd.training.step.pull import PASSES, Pull
from ray_mtlkd.training.step.trainer import Trainer
from tests.listening import step

ENCODERS = {
    "tables": Mlp(hidden=(16,), dropout=0.0),
    "shared_tables": Mlp(hidden=(16,), dropout=0.0),
    "hashed_tables": BagOfNgrams(hidden=(8,), dropout=0.0),
}
TASK = 1
"""One class of three."""


@pytest.fixture(params=ENCODERS)
def given(request):
    """Tables with rows of their own, rows in common, and rows of a hash table; an encoder for them."""
    return request.getfixturevalue(request.param), ENCODERS[request.param]


def trainer_of(job, given, *, temperature=1.0, dropout=0.0, **training):
    tables, encoder = given
    settings = Optimization(**{"steps": 40, "eval_every": 20, "batch_size": 16, **training})
    kd = Distillation(temperature=temperature)
    return Trainer(job("sum", of=tables, encoder=replace(encoder, dropout=dropout), training=settings, kd=kd))


def taught(tables):
    """What a teacher says that knows nothing."""
    values = torch.randn(len(tables.tasks[TASK].train), 3, generator=torch.Generator().manual_seed(0))
    return SoftTarget(table=SoftTable(values=values, classes=None, outputs=3))


def norm(trainer, table, soft):
    """Of the gradient of a whole table's loss, by hand."""
    rows = len(table.train)
    (batch,) = stream(table, task=TASK, batch_size=rows, parts=1, seed=5, order="any").draw()
    objective, shared = trainer._objective, [*trainer.model.shared(), *trainer.model.shared_sparse()]
    loss = objective.losses(batch.targets, objective.outputs(batch), soft)
    found = torch.autograd.grad(loss.sum(), shared, allow_unused=True)
    return sum(each.to_dense().square().sum() for each in found if each is not None).sqrt().item()


@pytest.mark.parametrize("parts", [1, 3])
def test_a_pull_is_the_norm_of_the_shared_gradient_also_of_hash_tables_and_of_batches_in_parts(job, given, parts):
    tables, _ = given
    table, soft = tables.tasks[TASK], taught(tables)
    trainer = trainer_of(job, given, batch_size=len(table.train), accumulation=parts)
    found = trainer.pulls.measure(TASK, soft, step=9, most=8)
    # A batch is the whole table, so that its order plays no role; single precision.
    expected = norm(trainer, table, {}), norm(trainer, table, {TASK: soft})
    assert (found.labels, found.teacher) == pytest.approx(expected, rel=1e-4)
    assert found.batches == 1


def test_to_measure_moves_nothing(job, given):
    tables, _ = given
    plain, measured = (trainer_of(job, given, dropout=0.3) for _ in range(2))
    torch.manual_seed(4)
    for trainer in (plain, measured):
        torch.manual_seed(4)
        step(trainer, len(tables.tasks))
        if trainer is measured:
            trainer.pulls.measure(TASK, taught(tables), step=1, most=8)
        step(trainer, len(tables.tasks))
    expected, found = (each.capture([], into={}) for each in (plain, measured))
    assert found.internals == expected.internals
    assert found.tensors.keys() == expected.tensors.keys()
    assert all(torch.equal(tensor, expected.tensors[name]) for name, tensor in found.tensors.items())


def test_the_same_switch_is_measured_alike_whatever_chance_did_before_and_another_switch_is_not(job, given):
    trainer, soft = trainer_of(job, given, dropout=0.3, batch_size=4), taught(given[0])
    first = trainer.pulls.measure(TASK, soft, step=9, most=8)
    torch.rand(7)
    assert trainer.pulls.measure(TASK, soft, step=9, most=8) == first
    assert trainer.pulls.measure(TASK, soft, step=10, most=8) != first


@pytest.mark.parametrize(
    ("batch_size", "most", "expected"), [(4, 99, 8), (4, 3, 3), (40, 99, 3), (4, 0, 0), (4, -2, 0)]
)
def test_as_many_batches_are_measured_as_there_may_be_and_no_more_than_an_epoch(
    job, tables, batch_size, most, expected
):
    trainer = trainer_of(job, (tables, ENCODERS["tables"]), batch_size=batch_size)
    assert trainer.pulls.measure(TASK, taught(tables), step=9, most=most).batches == expected


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 16.0])
def test_weighed_a_teacher_pulls_no_harder_than_asked_whatever_its_temperature(job, given, temperature):
    trainer, soft = trainer_of(job, given, temperature=temperature), taught(given[0])
    found = trainer.pulls.measure(TASK, soft, step=9, most=8)
    weighed = trainer.pulls.measure(TASK, replace(soft, teacher=found.weight(0.1)), step=9, most=8)
    assert weighed.teacher == pytest.approx(0.1 * found.labels, rel=1e-4)


@pytest.mark.parametrize(
    ("labels", "teacher", "expected"),
    [(1.0, 4.0, 0.125), (8.0, 4.0, 1.0), (1.0, 0.0, 1.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)],
)
def test_a_weight_is_at_most_one_and_one_where_the_teacher_does_not_pull(labels, teacher, expected):
    assert Pull(labels=labels, teacher=teacher, batches=8).weight(0.5) == expected


def test_a_gradient_that_is_not_finite_is_an_error_with_its_task(job, tables, refused):
    soft = taught(tables)
    soft.table.values[:] = float("nan")
    with refused():
        trainer_of(job, (tables, ENCODERS["tables"])).pulls.measure(TASK, soft, step=9, most=8)


def test_a_measured_batch_goes_backward_once_a_loss(job, tables, monkeypatch):
    trainer, calls, known = trainer_of(job, (tables, ENCODERS["tables"])), [], torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *args, **options: calls.append(1) or known(*args, **options))
    trainer.pulls.measure(TASK, taught(tables), step=9, most=3)
    assert len(calls) == PASSES * 3
