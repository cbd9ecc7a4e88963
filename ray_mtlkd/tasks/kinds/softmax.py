"""One class of several: what multiclass and tagging have in common."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.special
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ray_mtlkd.tasks.kinds.base import Floats, Labels, LabelWeights, LossRule, Offsets
from ray_mtlkd.tasks.kinds.divergence import beyond
from ray_mtlkd.tasks.task import Task

_FEW = 16
"""Numbers in a vector register. Over fewer neighbours torch's softmax on a CPU goes one by one; turned round, it takes
many rows at once: with 10 classes in 0.4 of the time."""


def _cross_entropy(outputs: Tensor, labels: Tensor, smoothing: float, _groups: Tensor | None) -> Tensor:
    if outputs.shape[1] < _FEW:
        turned = outputs.T[None], labels[None]
        return functional.cross_entropy(*turned, reduction="none", label_smoothing=smoothing)[0]
    return functional.cross_entropy(outputs, labels, reduction="none", label_smoothing=smoothing)


def _distillation(outputs: Tensor, soft: Tensor, temperature: float, _groups: Tensor | None) -> Tensor:
    target = (soft / temperature).softmax(dim=1)
    crossed = functional.cross_entropy(outputs / temperature, target, reduction="none")
    return beyond(torch.special.entr(target).sum(dim=1), crossed) * temperature**2


def _start(task: Task) -> tuple[tuple[float, ...], float]:
    prior = task.prior or (1 / task.outputs,) * task.outputs
    return tuple(math.log(p) for p in prior), sum(-p * math.log(p) for p in prior)


CROSS_ENTROPY = LossRule(hard=_cross_entropy, soft=_distillation, start=_start)
"""Mean over rows (tokens), divided by the entropy of the train labels: - sum_k p_k log p_k."""


def fit(task: Task, labels: Labels, _offsets: Offsets, weights: LabelWeights, _where: str) -> Task:
    """The task with the share of the labels, by what they count, that are of each class."""
    shares = np.bincount(labels, weights=weights, minlength=task.outputs) / len(labels)
    return replace(task, prior=tuple(float(share) for share in shares))


def largest(_task: Task, outputs: Floats) -> NDArray[Any]:
    """The class with the largest logit."""
    return np.asarray(outputs.argmax(axis=1))


def majority(task: Task, train_labels: Labels) -> Floats:
    """1 for the most frequent class, else 0."""
    counts = np.bincount(train_labels, minlength=task.outputs)
    return np.asarray(np.arange(task.outputs) == counts.argmax(), dtype=np.float32)


def probability(outputs: Floats, _predicted: NDArray[Any]) -> Floats:
    """Of the likeliest class."""
    largest_share: Floats = scipy.special.softmax(outputs, axis=1).max(axis=1)
    return largest_share
