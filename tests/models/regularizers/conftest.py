"""Linear models of many tasks, without anything that they share."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from ray_mtlkd.models.sharing import MultitaskModel


class LinearModel(MultitaskModel):
    """A head a task, on the inputs themselves."""

    def __init__(self, tasks, width):
        super().__init__()
        self.num_tasks = tasks
        self.names = tuple(f"task{at}" for at in range(tasks))
        self.heads = nn.ModuleList(nn.Linear(width, 1, bias=False) for _ in range(tasks))
        self.requires_grad_().double()

    def outputs(self, inputs, tasks):
        return [self.heads[task](inputs).squeeze(1) for task in tasks]

    def uses(self, task):
        return ((self.heads[task],),)

    @property
    def rows(self):
        return torch.stack([head.weight[0] for head in self.heads]).detach()


@dataclass
class Regressions:
    """Rows [T, n, d] and noisy numbers [T, n] of tasks whose weights [T, d] are known."""

    rows: torch.Tensor
    numbers: torch.Tensor
    weights: torch.Tensor

    def fitted(self, penalty, *, steps=60):
        """A linear model at the least of half of the squared error and a penalty."""
        torch.manual_seed(0)
        model = LinearModel(len(self.rows), self.rows.shape[2])
        search = torch.optim.LBFGS(model.parameters(), max_iter=steps, line_search_fn="strong_wolfe")

        def loss():
            search.zero_grad()
            stacked = torch.stack([head.weight[0] for head in model.heads])
            value = (torch.einsum("tnd,td->tn", self.rows, stacked) - self.numbers).square().sum() / 2
            value = value + penalty(model)
            value.backward()
            return value

        search.step(loss)
        return model

    def error(self, model):
        """Mean squared distance to the weights that are known, which is what new rows would show."""
        return (model.rows - self.weights).square().mean().item()


@pytest.fixture
def regressions():
    """Draws them around given weights [T, d]."""

    def draw(weights, *, rows, noise=0.5, seed=0):
        chance = torch.Generator().manual_seed(seed)
        seen = torch.randn(len(weights), rows, weights.shape[1], generator=chance, dtype=torch.float64)
        numbers = torch.einsum("tnd,td->tn", seen, weights)
        return Regressions(
            seen, numbers + noise * torch.randn(numbers.shape, generator=chance, dtype=torch.float64), weights
        )

    return draw


@pytest.fixture
def best_ridge():
    """The least error of ridge regressions that know nothing of each other, over strengths from 0.01 to 100."""

    def error(drawn):
        d = drawn.rows.shape[2]
        cross = torch.einsum("tnd,tne->tde", drawn.rows, drawn.rows)
        seen = torch.einsum("tnd,tn->td", drawn.rows, drawn.numbers)
        errors = []
        for strength in torch.logspace(-2, 2, 13, dtype=torch.float64):
            found = torch.linalg.solve(cross + strength * torch.eye(d, dtype=torch.float64), seen)
            errors.append((found - drawn.weights).square().mean().item())
        return min(errors)

    return error
