"""Small models of any architecture on made-up rows, and what tells how their tasks hang together."""

import pytest
import torch

from ray_mtlkd.data.inputs import Dense
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.testing.examples import Example

SMALL = Mlp(hidden=(6, 4), bins=0)
NUMBERS = Example("regression", "Dense")


@pytest.fixture
def made():
    """Makes the model of a way of sharing, from a seed."""

    def make(sharing, examples=(NUMBERS, NUMBERS), *, encoder=SMALL, seed=0):
        torch.manual_seed(seed)
        tasks = [(example.task, example.layout) for example in examples]
        return build(Architecture(encoder=encoder, sharing=sharing), tasks)

    return make


@pytest.fixture
def reached():
    """Says which parameters a task's loss has a gradient at that is not 0, by name."""

    def names(model, task, example=NUMBERS):
        model.zero_grad(set_to_none=True)
        model(task, example.inputs()).square().sum().backward()
        return {name for name, p in model.named_parameters() if p.grad is not None and p.grad.to_dense().any()}

    return names


@pytest.fixture
def trained():
    """Trains a model by plain Adam on targets [rows, T] of numbers [rows, 4], on the sum of the tasks' mean squared
    errors, and returns it.
    """

    def train(model, values, targets, *, steps, lr=2e-2):
        inputs = Dense(values, torch.zeros(len(values), 2, dtype=torch.int64))
        optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=lr)
        for _ in range(steps):
            found = model.outputs(inputs, range(model.num_tasks))
            optimizer.zero_grad()
            sum((each - of).square().mean() for each, of in zip(found, targets.T, strict=True)).backward()
            optimizer.step()
        return model

    return train
