"""Answers of their own, yes or no, of which none excludes another: what binary and multilabel have in common."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor
from torch.nn import functional

from ray_mtlkd.tasks.kinds.base import Floats, Labels, LabelWeights, Offsets
from ray_mtlkd.tasks.kinds.divergence import beyond
from ray_mtlkd.tasks.task import Task

_SURE = 30.0
"""A logit whose probability is beyond any sensible threshold."""


def cross_entropy(outputs: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Of each answer, in nats."""
    target = labels * (1 - smoothing) + smoothing / 2 if smoothing else labels
    return functional.binary_cross_entropy_with_logits(outputs, target, reduction="none")


def distillation(outputs: Tensor, soft: Tensor, temperature: float) -> Tensor:
    """Divergence of each answer from the teacher's, in nats, times τ²."""
    taught = soft / temperature
    target = taught.sigmoid()
    entropy = functional.binary_cross_entropy_with_logits(taught, target, reduction="none")
    crossed = functional.binary_cross_entropy_with_logits(outputs / temperature, target, reduction="none")
    return beyond(entropy, crossed) * temperature**2


def start(task: Task) -> tuple[tuple[float, ...], float]:
    """Logits of the shares of positive rows, and the sum of the answers' entropies."""
    prior = task.prior or (0.5,) * task.outputs
    return tuple(math.log(p / (1 - p)) for p in prior), sum(-p * math.log(p) - (1 - p) * math.log(1 - p) for p in prior)


def fit(task: Task, labels: Labels, _offsets: Offsets, weights: LabelWeights, _where: str) -> Task:
    """The task with the share of rows, by what they count, that have each answer; neither 0 nor 1 comes out."""
    answers = labels.reshape(len(labels), -1)
    present = answers.sum(axis=0, dtype=np.float64) if weights is None else weights @ answers
    return replace(task, prior=tuple(float(share) for share in (present + 0.5) / (len(labels) + 1)))


def above_threshold(task: Task, outputs: Floats) -> NDArray[Any]:
    """1 where an answer's probability reaches the task's threshold, else 0."""
    return np.asarray(expit(outputs) >= task.threshold, dtype=np.int64)


def majority(_task: Task, train_labels: Labels) -> Floats:
    """Logits of what most rows answer."""
    likely = train_labels.mean(axis=0) >= 0.5  # noqa: PLR2004 - the majority, whatever the task's threshold
    return np.asarray(np.where(likely, _SURE, -_SURE), dtype=np.float32)
