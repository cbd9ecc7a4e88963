"""Whether priors between tasks help where tasks are many and small: 139 regressions, as the School data has them.

Drawn are weights W [139, 27] with a planted task covariance (a common part, clusters, and halves with opposite signs),
and a few noisy rows a task. This package's regularizers are penalties on the mean squared errors of linear heads,
fitted by L-BFGS; ridge, in closed form, knows nothing of other tasks. Strengths are chosen on validation rows, the
figure is the explained variance of test rows, a mean over tasks.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor, nn

from benchmarks.record import Row, machine, sampled, save
from ray_mtlkd.data.inputs import Inputs
from ray_mtlkd.models.regularizers import Regularizer
from ray_mtlkd.models.regularizers.graph import Graph
from ray_mtlkd.models.regularizers.matrix_normal import MatrixNormal
from ray_mtlkd.models.regularizers.mean_constraint import MeanConstraint
from ray_mtlkd.models.sharing import MultitaskModel

TASKS, FEATURES, CLUSTERS = 139, 27, 6
NAMES = tuple(f"school{at}" for at in range(TASKS))
ROWS = {"train": (20, 80), "valid": (20, 20), "test": (100, 100)}
"""Fewest and most rows of a task."""
COMMON, CLUSTERED, OPPOSED, OWN = 0.30, 0.30, 0.25, 0.15
"""What the variance of the weights is made of."""
NOISE = 1.5
"""Standard deviation; that of what the features explain is 1, so that nothing explains a third of the variance."""
PLAIN = "independent ridge"
STRENGTHS = (1.5, 5.0, 15.0, 50.0)
RIDGES = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 25.0)
"""More of them: what the others are compared with."""
SIZE = 1.0
"""How much to 0, of penalties that pull tasks together."""
STEPS = 25
"""Of L-BFGS at most."""


@dataclass(frozen=True, kw_only=True)
class Regressions:
    """Tasks' rows: features [T, n, d], numbers [T, n], and which rows there are [T, n], by split."""

    features: Mapping[str, Tensor]
    numbers: Mapping[str, Tensor]
    there: Mapping[str, Tensor]
    edges: tuple[tuple[str, str], ...]

    def errors(self, weights: Tensor, split: str) -> Tensor:
        """Mean squared error of each task [T], of weights [T, d]."""
        found = torch.einsum("tnd,td->tn", self.features[split], weights) - self.numbers[split]
        return (found.square() * self.there[split]).sum(1) / self.there[split].sum(1)

    def explained(self, weights: Tensor, split: str) -> float:
        """Percent of the variance, a mean over tasks."""
        there, numbers = self.there[split], self.numbers[split]
        counts = there.sum(1, keepdim=True)
        centred = (numbers - (numbers * there).sum(1, keepdim=True) / counts) * there
        variance = centred.square().sum(1) / counts.squeeze(1)
        return 100 * (1 - self.errors(weights, split) / variance).mean().item()


class LinearTasks(MultitaskModel):
    """A head a task on the features themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.num_tasks = TASKS
        self.names = NAMES
        self.heads = nn.ModuleList(nn.Linear(FEATURES, 1, bias=False, dtype=torch.float64) for _ in range(TASKS))
        chance = torch.Generator().manual_seed(0)
        for parameter in self.parameters():  # singular values have no gradient where all are 0
            nn.init.normal_(parameter, std=0.01, generator=chance)

    def outputs(self, inputs: Inputs[Tensor], tasks: Sequence[int]) -> list[Tensor]:
        """Not asked for: all tasks are fitted at once.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError

    def uses(self, task: int) -> tuple[tuple[nn.Module, ...], ...]:
        """Its head."""
        return ((self.heads[task],),)

    @property
    def weights(self) -> Tensor:
        """[T, d]."""
        return torch.cat([head.weight for head in self.heads])  # type: ignore[misc]


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw, fit, print a table, write a JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one draw, few steps and strengths")
    quick = parser.parse_args(arguments).quick
    torch.set_num_threads(1)
    started, draws = machine(), 1 if quick else 4
    steps, strengths = (4, STRENGTHS[1:2]) if quick else (STEPS, STRENGTHS)
    rows = list(_compared(draws=draws, steps=steps, strengths=strengths))
    settings = {"quick": quick, "draws": draws, "steps": steps, "strengths": strengths, "size": SIZE, "noise": NOISE}
    save("school", rows, settings=settings, started=started)


def _compared(*, draws: int, steps: int, strengths: Sequence[float]) -> Iterator[Row]:
    found: dict[str, list[float]] = {}
    for seed in range(draws):
        drawn = draw(seed)
        every = {name: [_fit(drawn, each, steps=steps) for each in found] for name, found in priors(drawn, strengths)}
        for name, fits in {PLAIN: [ridge(drawn, strength) for strength in RIDGES], **every}.items():
            best = max(fits, key=lambda weights: drawn.explained(weights, "valid"))
            found.setdefault(name, []).append(drawn.explained(best, "test"))
            print(f"draw {seed}, {name}: {found[name][-1]:.1f} %", flush=True)
    case = f"{TASKS} regressions"
    plain = found.pop(PLAIN)
    yield sampled(case, PLAIN, plain, "% of variance")
    for name, explained in found.items():
        beyond = [mine - ridge for mine, ridge in zip(explained, plain, strict=True)]
        yield sampled(case, name, beyond, "points over ridge", goal=("at least", 0.0))


def draw(seed: int) -> Regressions:
    """Tasks whose weights have the planted covariance, and their rows."""
    chance = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=chance, dtype=torch.float64)

    cluster, signs = torch.arange(TASKS) % CLUSTERS, 1.0 - 2.0 * (torch.arange(TASKS) % 2)
    parts = {
        COMMON: normal(1, FEATURES).expand(TASKS, FEATURES),
        CLUSTERED: normal(CLUSTERS, FEATURES)[cluster],
        OPPOSED: signs.double()[:, None] * normal(1, FEATURES),
        OWN: normal(TASKS, FEATURES),
    }
    weights = sum((share / FEATURES) ** 0.5 * part for share, part in parts.items())
    features, numbers, there = {}, {}, {}
    for split, (fewest, most) in ROWS.items():
        rows = torch.randint(fewest, most + 1, (TASKS, 1), generator=chance)
        there[split] = (torch.arange(most)[None] < rows).double()
        features[split] = normal(TASKS, most, FEATURES)
        numbers[split] = torch.einsum("tnd,td->tn", features[split], weights) + NOISE * normal(TASKS, most)
    edges = tuple(zip(NAMES, NAMES[CLUSTERS:], strict=False))
    return Regressions(features=features, numbers=numbers, there=there, edges=edges)


def priors(drawn: Regressions, strengths: Sequence[float]) -> Iterator[tuple[str, list[Regularizer]]]:
    """Each with its strengths; `graph` is told which tasks are neighbours in a cluster."""
    yield MeanConstraint.name, [MeanConstraint(strength=strength, size=SIZE) for strength in strengths]
    yield Graph.name, [Graph(edges=drawn.edges, strength=strength, size=SIZE) for strength in strengths]
    # its penalty grows with the square of the sum of all singular values, about ten times that of their squares
    yield MatrixNormal.name, [MatrixNormal(strength=strength / 10) for strength in strengths]


def ridge(drawn: Regressions, strength: float) -> Tensor:
    """The weights [T, d] at the least of each task's mean squared error and half the strength times their square."""
    features, there = drawn.features["train"], drawn.there["train"]
    seen = features * (2 * there / there.sum(1, keepdim=True))[:, :, None]
    cross = torch.einsum("tnd,tne->tde", seen, features) + strength * torch.eye(FEATURES, dtype=torch.float64)
    found: Tensor = torch.linalg.solve(cross, torch.einsum("tnd,tn->td", seen, drawn.numbers["train"]))
    return found


def _fit(drawn: Regressions, prior: Regularizer, *, steps: int) -> Tensor:
    """The weights [T, d] at the least of all mean squared errors and the penalty."""
    model = LinearTasks()
    parameters = list(model.parameters())

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        with torch.no_grad():
            for parameter, row in zip(parameters, torch.from_numpy(flat).view(TASKS, 1, FEATURES), strict=True):
                parameter.copy_(row)
        penalty = prior.penalty(model)
        assert penalty is not None  # noqa: S101 - all heads are alike
        value = drawn.errors(model.weights, "train").sum() + penalty
        return value.item(), torch.cat(torch.autograd.grad(value, parameters)).flatten().numpy()

    start = model.weights.detach().flatten().numpy()
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": steps})
    return torch.from_numpy(found.x).view(TASKS, FEATURES)


if __name__ == "__main__":
    main()
