"""The hyper-parameters of one training run, apart from its strategy and architecture."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ray_mtlkd.data.device import is_share
from ray_mtlkd.decode import document
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.strategies import Strategy

Where = Literal["auto", "inline", "shared", "pool"]
SoftNumbers = Literal["float32", "float16"]


def _positive(values: Mapping[str, float]) -> None:
    for name, value in values.items():
        if value <= 0:
            raise ValueError(f"{name} must be above 0, got {value}")


def _not_negative(values: Mapping[str, float]) -> None:
    for name, value in values.items():
        if value < 0:
            raise ValueError(f"{name} must be 0 or above, got {value}")


def _shares(values: Mapping[str, float]) -> None:
    for name, value in values.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, got {value}")


@document
@dataclass(frozen=True, kw_only=True)
class Optimization:
    """How the model learns.

    Attributes:
        steps: The budget is ``steps`` x T task batches, for every strategy alike. A batch that all tasks share counts
            for every task that trains, also where it holds none of its labels.
        batch_size: Rows in one task batch; by task where the tasks differ.
        sampling: How the rows of a step are shared out between tasks that have rows of their own: ``equal``,
            ``proportional`` to their train rows, or by a temperature of 1 or above (1 is proportional, the higher the
            more equal; Arivazhagan et al. 2019, arXiv:1907.05019, section 3.2).
        accumulation: Parts that a batch goes through the network in: the same update (but for rounding and dropout)
            with fewer activations in memory; in return, every task's gradient of the shared parameters is kept.
        eval_every: Steps between two evaluations.
        lr: Learning rate of AdamW (of SparseAdam for hash tables), before ``schedule``.
        schedule: What becomes of it over the budget: it stays, or falls to 0 along half a cosine (Loshchilov and
            Hutter 2017, arXiv:1608.03983, eq. 5, without restarts). Batches that a rewind undoes count.
        warmup: Share of the budget over which it first rises from 0, in [0, 1).
        weight_decay: Decoupled (Loshchilov and Hutter 2019, arXiv:1711.05101), on dense parameters.
        clip_norm: Largest norm of the whole gradient; None leaves it as it is.
        label_smoothing: Share of the target that goes evenly to all classes (Szegedy et al. 2016, arXiv:1512.00567,
            section 7), in [0, 1); regression and soft labels are left as they are.
        ema: Decay of the moving average of the parameters that is evaluated, kept and taken as teacher, in [0, 1);
            min(ema, (1 + n) / (10 + n)) after n steps. None uses the parameters themselves. Its cost grows with hash
            tables.
        precision: ``bf16`` runs the forward and backward passes of training in mixed precision (torch.autocast); hash
            tables stay in single precision, and so do evaluations.
    """

    steps: int = 600
    batch_size: int | dict[str, int] = 64
    sampling: Literal["equal", "proportional"] | float = "equal"
    accumulation: int = 1
    eval_every: int = 25
    lr: float = 3e-3
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    label_smoothing: float = 0.0
    ema: float | None = None
    precision: Literal["fp32", "bf16"] = "fp32"

    def __post_init__(self) -> None:
        sizes = self.batch_size if isinstance(self.batch_size, dict) else {"": self.batch_size}
        _positive({"steps": self.steps, "eval_every": self.eval_every, "lr": self.lr})
        _positive({f"batch_size {name}".strip(): size for name, size in sizes.items()})
        _positive({"accumulation": self.accumulation})
        _not_negative({"weight_decay": self.weight_decay})
        _shares({"warmup": self.warmup, "label_smoothing": self.label_smoothing})
        if self.ema is not None:
            _shares({"ema": self.ema})
        if self.clip_norm is not None:
            _positive({"clip_norm": self.clip_norm})
        if not isinstance(self.sampling, str) and self.sampling < 1:
            raise ValueError(f"sampling is equal, proportional or a temperature of 1 or above, got {self.sampling}")
        if isinstance(self.batch_size, dict) and self.sampling != "equal":
            raise ValueError("sampling shares out one batch size: give a batch size by task, or sampling, not both")
        if not sizes or min(sizes.values()) < self.accumulation:
            raise ValueError(f"a batch cannot be cut into {self.accumulation} parts: it has fewer rows")
        if self.eval_every > self.steps:
            raise ValueError(
                f"eval_every is {self.eval_every}, beyond the {self.steps} steps: nothing would be evaluated"
            )

    def rate(self, share: float) -> float:
        """Learning rate of the step that ends when ``share`` in (0, 1] of the budget is spent."""
        if share < self.warmup:
            return self.lr * share / self.warmup
        if self.schedule == "constant":
            return self.lr
        return self.lr * 0.5 * (1.0 + math.cos(math.pi * (share - self.warmup) / (1.0 - self.warmup)))


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
        soft_labels: How a soft label's numbers are stored.
        top_k: Classes kept of each soft label, the likeliest, whose probabilities then add up to one; None for all.
            Of tasks with one answer of several (multiclass, tagging).
    """

    temperature: float = 1.0
    kd_weight: float = 1.0
    soft_labels: SoftNumbers = "float32"
    top_k: int | None = None

    def __post_init__(self) -> None:
        _positive({"temperature": self.temperature, "kd_weight": self.kd_weight})
        if self.top_k is not None:
            _positive({"top_k": self.top_k})


@document
@dataclass(frozen=True, kw_only=True)
class Relabelling:
    """Where a teacher predicts its training table.

    Attributes:
        where: In the trial, in actors that the sweep shares, in a Ray Data actor pool, or whichever is cheapest.
        pool_size: Actors of a pool, and of those that the sweep shares.
        gpus_per_actor: Above 0: they predict on a GPU, of which each takes so much.
    """

    where: Where = "auto"
    pool_size: int = 2
    gpus_per_actor: float = 0.0

    def __post_init__(self) -> None:
        _positive({"pool_size": self.pool_size})
        if not is_share(self.gpus_per_actor):
            raise ValueError(f"gpus_per_actor must be from 0 to 1 or a whole number, got {self.gpus_per_actor}")
        if self.gpus_per_actor and self.where not in {"shared", "pool"}:
            raise ValueError("gpus_per_actor needs where: shared or pool; auto and inline predict where the trial does")


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Everything that defines a training run but its data and its seed."""

    strategy: Strategy
    architecture: Architecture
    training: Optimization = field(default_factory=Optimization)
    convergence: Convergence = field(default_factory=Convergence)
    kd: Distillation = field(default_factory=Distillation)
    relabel: Relabelling = field(default_factory=Relabelling)
