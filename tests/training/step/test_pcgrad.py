"""PCGrad's update of the real trainer beside the textbook's, on gradients by autograd in double precision."""

import copy
from dataclasses import replace

import pytest
import torch

from ray_mtlkd.data.inputs import take
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.models.encoders.mixed import MixedEncoder
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.training.settings import Optimization
from ray_mtlkd.training.step.losses import losses
from tests import papers
from tests.listening import double, listen, step

BUCKETS = 60
ENCODERS = {
    "Dense": Mlp(hidden=(16, 8)),
    "Bag": BagOfNgrams(hidden=(12, 8), buckets=BUCKETS, dropout=0.0),
    "Mixed": MixedEncoder(text=BagOfNgrams(hidden=(6,), dropout=0.0), columns=Mlp(hidden=(8, 4)), join=6, dropout=0.0),
    "Tokens": Cnn(embedding=4, channels=4, widths=(1, 3), wide=4, dropout=0.0, word_dropout=0.0),
}
"""Without chance."""


def whole_tables(tables):
    """Settings with which one batch is a whole train table: whatever the order of its rows, the loss is the same."""
    if tables.shares_rows:
        size = len(torch.unique(torch.cat([table.train.row_ids for table in tables.tasks])))
    else:
        size = {table.task.name: len(table.train) for table in tables.tasks}
    return Optimization(steps=10, eval_every=5, batch_size=size)


SETUPS = {
    "tables of their own": ("tables", False),
    "shared rows": ("shared_tables", True),
    "hash tables, tables of their own": ("hashed_tables", False),
    "hash tables, shared rows": ("hashed_tables", True),
    "words, tables of their own": ("shared_words", False),
    "words, shared rows": ("shared_words", True),
    "texts and columns, tables of their own": ("shared_mixed_tables", False),
    "texts and columns, shared rows": ("shared_mixed_tables", True),
}


def gradients(model, tables):
    """Every task's gradient of its loss on its whole train table: of all shared parameters [T, P], and of its own."""
    shared = (*model.shared(), *model.shared_sparse())
    rows, heads = [], []
    for task, table in enumerate(tables.tasks):
        train = table.train
        outputs = model(task, double(take(train.inputs, train.row_ids)))
        (loss,) = losses([table.task], [outputs], [double(train.labels)])
        wanted = (*shared, *model.own(task))
        found = torch.autograd.grad(loss, wanted, allow_unused=True)
        dense = [torch.zeros_like(p) if g is None else g.to_dense() for p, g in zip(wanted, found, strict=True)]
        rows.append(flat(dense[: len(shared)]))
        heads.append(flat(dense[len(shared) :]))
    return torch.stack(rows), heads


def flat(tensors):
    return torch.cat([tensor.flatten() for tensor in tensors])


def apart(found, expected):
    """How far two vectors are apart, relative to the second's length."""
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("setup", SETUPS)
def test_pcgrad_gives_shared_parameters_the_textbook_update_and_heads_their_own_gradient(
    job, request, monkeypatch, setup
):
    fixture, shares_rows = SETUPS[setup]
    tables = replace(request.getfixturevalue(fixture), shares_rows=shares_rows)
    encoder = ENCODERS[tables.tasks[0].layout.form]
    # a seed whose first gradients conflict, whichever the setup
    trainer, heard = listen(job("pcgrad", of=tables, encoder=encoder, training=whole_tables(tables), seed=2))
    model = copy.deepcopy(trainer.model).double()
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    shared, own = gradients(model, tables)
    given = {}

    def keep(share, *, fall):
        for name, parameter in trainer.model.named_parameters():
            if parameter.grad is not None:
                given[name] = parameter.grad.to_dense().clone()

    monkeypatch.setattr(trainer._optimizer, "step", keep)
    report = step(trainer, len(tables.tasks))
    assert given.keys() == set(names.values())
    assert max(report.weights) > 1.01  # something was projected
    (signals,) = heard
    expected = papers.pcgrad(shared, orders(len(shared), signals.rng))
    # Gradients in single precision are 1e-7 to 2e-6 off, as a machine's kernels round; projections onto others neither
    # cancel nor magnify much of it here.
    assert apart(flat([given[names[id(p)]] for p in (*model.shared(), *model.shared_sparse())]), expected) <= 1e-5
    for task, gradient in enumerate(own):
        assert apart(flat([given[names[id(p)]] for p in model.own(task)]), gradient) <= 1e-5


def orders(count, rng):
    """In which each task meets the others, as the balancer draws it."""
    drawn = []
    for task in range(count):
        drawn.append([other for other in range(count) if other != task])
        rng.shuffle(drawn[-1])
    return drawn
