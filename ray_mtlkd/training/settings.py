"""The hyper-parameters of one training run, apart from its strategy and encoder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders import EncoderConfig
from ray_mtlkd.strategies import Strategy

Where = Literal["auto", "inline", "shared", "pool"]


def _positive(values: Mapping[str, float]) -> None:
    for name, value in values.items():
        if value <= 0:
            raise ValueError(f"{name} must be above 0, got {value}")


def _not_negative(values: Mapping[str, float]) -> None:
    for name, value in values.items():
        if value < 0:
            raise ValueError(f"{name} must be 0 or above, got {value}")


@document
@dataclass(frozen=True, kw_only=True)
class Optimization:
    """How the model learns.

    Attributes:
        steps: The budget is ``steps`` x T task batches, for every strategy alike.
        batch_size: Rows in one task batch.
        eval_every: Steps between two evaluations.
        lr: Learning rate of AdamW (of SparseAdam for hash tables).
        weight_decay: Decoupled, on dense parameters.
    """

    steps: int = 600
    batch_size: int = 64
    eval_every: int = 25
    lr: float = 3e-3
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _positive({"steps": self.steps, "batch_size": self.batch_size, "eval_every": self.eval_every, "lr": self.lr})
        _not_negative({"weight_decay": self.weight_decay})
        if self.eval_every > self.steps:
            raise ValueError(
                f"eval_every is {self.eval_every}, beyond the {self.steps} steps: nothing would be evaluated"
            )


@document
@dataclass(frozen=True, kw_only=True)
class Convergence:
    """When a task counts as converged.

    Attributes:
        patience: Evaluations without improvement.
        min_delta: What an evaluation must gain to count as one, in the unit of the task's metric.
    """

    patience: int = 5
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        _positive({"patience": self.patience})
        _not_negative({"min_delta": self.min_delta})


@document
@dataclass(frozen=True, kw_only=True)
class Distillation:
    """How a relabelled task learns from its soft labels.

    Attributes:
        temperature: τ > 0 on both sides of the soft cross-entropy, gradients scaled by τ² (Hinton et al. 2015).
        kd_weight: Factor on the distillation loss, which takes the place of the hard loss.
    """

    temperature: float = 1.0
    kd_weight: float = 1.0

    def __post_init__(self) -> None:
        _positive({"temperature": self.temperature, "kd_weight": self.kd_weight})


@document
@dataclass(frozen=True, kw_only=True)
class Relabelling:
    """Where a teacher predicts its training table.

    Attributes:
        where: In the trial, in actors that the sweep shares, in a Ray Data actor pool, or whichever is cheapest.
        pool_size: Actors of a pool.
    """

    where: Where = "auto"
    pool_size: int = 2

    def __post_init__(self) -> None:
        _positive({"pool_size": self.pool_size})


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Everything that defines a training run but its data and its seed."""

    strategy: Strategy
    encoder: EncoderConfig
    training: Optimization = field(default_factory=Optimization)
    convergence: Convergence = field(default_factory=Convergence)
    kd: Distillation = field(default_factory=Distillation)
    relabel: Relabelling = field(default_factory=Relabelling)
