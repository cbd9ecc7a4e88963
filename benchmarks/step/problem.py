"""The problem that every contender learns: tables in memory, which rows each step takes of them, and a first model.

Tasks of ten classes whose shares have an entropy of one nat: `ray_mtlkd` divides a loss by that entropy, so that its
losses are plain cross-entropies here, as every contender's are.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import entr
from torch import Tensor

from ray_mtlkd.data.examples import Examples, SetupTables, TaskTables, as_tensors
from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Array, Dense
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.step.batches import Sampler

WIDTH = 128
CLASSES = 10
SEED = 1
LEARNING_RATE = 1e-3
"""That of `torch.optim.Adam` by default."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a problem is.

    Attributes:
        tasks: T.
        shared: Whether all tasks label the same rows (single-input), or each has rows of its own (multi-input).
        hidden: Widths of the shared layers.
        batch_size: Rows a task and step.
        rows: Of each table.
    """

    tasks: int
    shared: bool
    hidden: tuple[int, ...] = (256, 256)
    batch_size: int = 256
    rows: int = 5000

    @property
    def sort(self) -> str:
        """What the rows of the tasks have in common."""
        return "single-input" if self.shared else "multi-input"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Tables and draws.

    Attributes:
        tables: As `ray_mtlkd` takes them.
        inputs: Of the tables, the rows' inputs [T] of [N, D]; the same tensor T times for single-input.
        labels: [T] of [N] int64.
        draws: Row numbers of each step's batches [steps][T], those that `ray_mtlkd` draws by itself; T times the same
            tensor for single-input.
    """

    size: Size
    tables: SetupTables[Tensor]
    inputs: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]
    draws: tuple[tuple[Tensor, ...], ...]

    @property
    def encoder(self) -> Mlp:
        """What the tasks share: the numbers themselves through ReLU layers."""
        return Mlp(hidden=self.size.hidden, bins=0)

    def model(self) -> MultitaskModel:
        """The model that `ray_mtlkd` starts from, and so every other contender."""
        torch.manual_seed(SEED)
        return build(Architecture(encoder=self.encoder), [(table.task, table.layout) for table in self.tables.tasks])


def problem(size: Size, *, steps: int) -> Problem:
    """A problem of the given size, with the draws of so many steps."""
    rng = np.random.default_rng(SEED)
    prior = _prior()
    common = _inputs(rng, size.rows) if size.shared else None
    parts = tuple(_task(at, common or _inputs(rng, size.rows), prior, rng) for at in range(size.tasks))
    tables = as_tensors(SetupTables("step", parts, "step", shares_rows=size.shared))
    return Problem(
        size=size,
        tables=tables,
        inputs=tuple(part.train.inputs.values for part in tables.tasks),
        labels=tuple(part.train.labels for part in tables.tasks),
        draws=_draws(size, tables, steps),
    )


def _prior() -> tuple[float, ...]:
    """Shares of the classes: one frequent class, the others alike, one nat of entropy."""
    share = brentq(lambda rare: entr(_shares(rare)).sum() - 1, 1e-6, 1 / CLASSES)
    return tuple(_shares(share))


def _shares(rare: float) -> list[float]:
    return [1 - (CLASSES - 1) * rare] + [rare] * (CLASSES - 1)


def _inputs(rng: np.random.Generator, rows: int) -> Dense[Array]:
    return Dense(rng.normal(size=(rows, WIDTH)).astype(np.float32), np.zeros((rows, 0), np.int64))


def _task(at: int, inputs: Dense[Array], prior: tuple[float, ...], rng: np.random.Generator) -> TaskTables[Array]:
    task = Task(
        name=f"t{at}",
        kind="multiclass",
        metric="accuracy",
        classes=tuple(f"c{label}" for label in range(CLASSES)),
        prior=prior,
    )
    rows = np.arange(len(inputs.values))
    examples = Examples(inputs, _labels(inputs.values, prior, rng), rows)
    layout = Layout(form="Dense", width=WIDTH)
    return TaskTables(task, layout, examples, examples, examples, trivial_valid=prior[0], trivial_test=prior[0])


def _labels(values: NDArray[np.float32], prior: tuple[float, ...], rng: np.random.Generator) -> NDArray[np.int64]:
    """Slices of a noisy projection of the rows, of the shares that the prior says."""
    scores = values @ rng.normal(size=WIDTH) / np.sqrt(WIDTH) + 0.5 * rng.normal(size=len(values))
    return np.searchsorted(np.quantile(scores, np.cumsum(prior)[:-1]), scores).astype(np.int64)


def _draws(size: Size, tables: SetupTables[Tensor], steps: int) -> tuple[tuple[Tensor, ...], ...]:
    names = [tables.name] if size.shared else [table.task.name for table in tables.tasks]
    samplers = [Sampler(rows=size.rows, seed=SEED, task=name) for name in names]
    streams = [sampler.between(0, steps * size.batch_size).split(size.batch_size) for sampler in samplers]
    return tuple(batches * size.tasks if size.shared else batches for batches in zip(*streams, strict=True))
