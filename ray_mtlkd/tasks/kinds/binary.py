"""Yes or no, one answer a row: a logit.

    loss   mean over rows of binary cross-entropy   / H(p),  H(p) = - p log p - (1 - p) log(1 - p)

with p the share of positive rows of train. Distillation has the sigmoid in place of the softmax.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from ray_mtlkd.tasks.kinds import measures, sigmoid, words
from ray_mtlkd.tasks.kinds.base import ClassRule, Floats, Kind, Labels, LabelWords, LossRule, Offsets
from ray_mtlkd.tasks.kinds.measures import decided
from ray_mtlkd.tasks.task import Task


def _loss(outputs: Tensor, labels: Tensor, smoothing: float, _groups: Tensor | None) -> Tensor:
    return sigmoid.cross_entropy(outputs, labels, smoothing)


def _distillation(outputs: Tensor, soft: Tensor, temperature: float, _groups: Tensor | None) -> Tensor:
    return sigmoid.distillation(outputs, soft, temperature)


def _probability(outputs: Floats, _predicted: NDArray[Any]) -> Floats:
    likely: Floats = expit(outputs)
    return likely


def _describe(task: Task, labels: Labels, _offsets: Offsets) -> LabelWords:
    return words.counted(labels.astype(np.int64), task.classes, what="classes")


BINARY = Kind(
    labels="class",
    dtype="float32",
    classes=ClassRule(roles=("negative", "positive"), usual=("0", "1")),
    losses={"cross_entropy": LossRule(hard=_loss, soft=_distillation, start=sigmoid.start)},
    metrics={
        "accuracy": decided(sigmoid.above_threshold, measures.accuracy),
        "f1": decided(sigmoid.above_threshold, measures.f1),
        "average_precision": measures.average_precision,
        "auc": measures.auc,
    },
    fit=sigmoid.fit,
    constant=sigmoid.majority,
    predict=sigmoid.above_threshold,
    confidence=_probability,
    describe=_describe,
    is_scalar=True,
    has_threshold=True,
)
