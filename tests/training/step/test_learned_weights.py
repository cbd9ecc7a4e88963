"""Weights that the real trainer learns beside those of a plain network in double precision, by the papers' losses."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.training.settings import Optimization
from ray_mtlkd.training.step.batches import Sampler
from tests import papers
from tests.listening import double, listen, step

STEPS, ROWS, LR = 100, 32, 1e-2
LOSSES = {
    "binary": lambda outputs, labels: functional.binary_cross_entropy_with_logits(outputs[:, 0], labels) / np.log(2),
    "multiclass": lambda outputs, labels: functional.cross_entropy(outputs, labels) / np.log(outputs.shape[1]),
    "multilabel": lambda outputs, labels: functional.binary_cross_entropy_with_logits(outputs, labels) / np.log(2),
    "regression": lambda outputs, labels: functional.mse_loss(outputs[:, 0], labels),
}
"""Of tasks whose labels are equally frequent and numbers standardised, over what the best constant predictor loses."""


class PlainNetwork:
    """Two shared layers and a head a task in double precision, from the parameters that a model has now.

    It draws the rows that the trainer draws.
    """

    def __init__(self, model, tables, *, seed):
        def mine(parameters):
            return [torch.nn.Parameter(parameter.detach().double()) for parameter in parameters]

        self.first, self.last = (mine(model.shared())[at : at + 2] for at in (0, 2))
        self.heads = [mine(model.own(task)) for task in range(len(tables.tasks))]
        self.tables = tables.tasks
        self.samplers = [Sampler(rows=len(table.train), seed=seed, task=table.task.name) for table in tables.tasks]
        self.steps = 0

    def parameters(self):
        return [*self.first, *self.last, *(parameter for head in self.heads for parameter in head)]

    def losses(self):
        found = []
        for table, head, sampler in zip(self.tables, self.heads, self.samplers, strict=True):
            rows = sampler.between(self.steps * ROWS, (self.steps + 1) * ROWS)
            hidden = double(table.train.inputs.values[rows])
            for layer in (self.first, self.last):
                hidden = functional.linear(hidden, *layer).relu()
            found.append(LOSSES[table.task.kind](functional.linear(hidden, *head), double(table.train.labels[rows])))
        self.steps += 1
        return found


def network(job, tables, strategy):
    """A trainer over tasks with tables of their own, what its balancer hears, and a plain network with its start."""
    few = replace(tables, tasks=tuple(table for table in tables.tasks if table.task.kind in LOSSES))
    settings = Optimization(steps=STEPS, eval_every=STEPS, batch_size=ROWS, lr=LR)
    trainer, heard = listen(job(strategy, seed=3, of=few, encoder=Mlp(hidden=(16, 8)), training=settings))
    return trainer, heard, PlainNetwork(trainer.model, few, seed=3)


DRIFT = 1e-5
"""Single precision rounds to 6e-8, and a hundred steps add up a hundred of these. Weights and losses are smooth in them
but for the signs in GradNorm's gradient, which have to be clear."""


@pytest.mark.parametrize("alpha", [0.0, 1.5])
def test_a_hundred_steps_of_gradnorm_equal_autograd_on_the_papers_loss_in_a_plain_network(job, tables, alpha):
    strategy = {"name": "gradnorm", "balancer": {"alpha": alpha, "lr": 0.01}}
    trainer, heard, plain = network(job, tables, strategy)
    paper, on_record = (papers.GradNorm(len(plain.tables), alpha=alpha, lr=0.01) for _ in range(2))
    optimizer = torch.optim.AdamW(plain.parameters(), lr=LR, weight_decay=0.0)
    for _ in range(STEPS):
        report = step(trainer, len(plain.tables))
        # float64 rounding only.
        assert report.weights == pytest.approx(on_record.present(), rel=1e-9)
        on_record.step_on_record(heard[-1].losses, heard[-1].norms)

        losses, weights = plain.losses(), paper.present()
        assert report.weights == pytest.approx(weights, rel=DRIFT)
        assert report.losses == pytest.approx([loss.item() for loss in losses], rel=DRIFT)
        paper.step(losses, plain.last)
        # A norm on the other side of its target moves its weight the other way: drift must not get so far.
        assert min(paper.distances) > 10 * DRIFT
        total = sum(weight * loss for weight, loss in zip(weights, losses, strict=True))
        descend(plain.parameters(), total, optimizer)
    assert max(weights) - min(weights) > 0.1  # the weights have moved: there was something to compare
    assert max(report.losses) < 0.5  # and so has the network


def test_a_hundred_steps_of_uncertainty_equal_one_adam_over_a_plain_network_and_its_log_variances(job, tables):
    trainer, heard, plain = network(job, tables, {"name": "uncertainty", "balancer": {"lr": LR}})
    regression = [table.task.kind == "regression" for table in plain.tables]
    assert set(regression) == {True, False}
    ours, on_record = ([torch.nn.Parameter(torch.zeros((), dtype=torch.float64)) for _ in regression] for _ in range(2))
    parameters = [*plain.parameters(), *ours]
    joint, alone = (torch.optim.Adam(each, lr=LR) for each in (parameters, on_record))
    for _ in range(STEPS):
        expected, recorded = (weights_of(each, regression) for each in (ours, on_record))
        report = step(trainer, len(plain.tables))
        # float64 rounding only.
        assert report.weights == pytest.approx(recorded, rel=1e-9)
        given = torch.tensor(heard[-1].losses, dtype=torch.float64)
        descend(on_record, papers.uncertainty(given, on_record, regression=regression), alone)

        losses = plain.losses()
        assert report.weights == pytest.approx(expected, rel=DRIFT)
        assert report.losses == pytest.approx([loss.item() for loss in losses], rel=DRIFT)
        descend(parameters, papers.uncertainty(losses, ours, regression=regression), joint)
    assert max(expected) - min(expected) > 0.1  # the weights have moved: there was something to compare
    assert max(report.losses) < 0.5  # and so has the network


def weights_of(log_variances, regression):
    """What the paper's loss multiplies each task's loss by."""
    return [
        (0.5 if squared else 1.0) * torch.exp(-s).item() for s, squared in zip(log_variances, regression, strict=True)
    ]


def descend(parameters, loss, optimizer):
    """One step of these parameters alone."""
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        parameter.grad = gradient
    optimizer.step()
