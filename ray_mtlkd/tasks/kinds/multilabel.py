"""Any number of labels a row: a logit for each.

    loss   mean over rows of the sum over labels of binary cross-entropy   / sum_k H(p_k)

with p_k the share of train rows that have label k. Distillation has the sigmoid in place of the softmax.
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
    return sigmoid.cross_entropy(outputs, labels, smoothing).sum(1)


def _distillation(outputs: Tensor, soft: Tensor, temperature: float, _groups: Tensor | None) -> Tensor:
    return sigmoid.distillation(outputs, soft, temperature).sum(1)


def _probability(outputs: Floats, _predicted: NDArray[Any]) -> Floats:
    likely: Floats = expit(outputs)
    return likely


def _describe(task: Task, labels: Labels, _offsets: Offsets) -> LabelWords:
    shares = np.asarray(labels.mean(axis=0, dtype=np.float64))
    a_row = float(labels.sum(axis=1, dtype=np.float64).mean())
    distribution = (words.top(task.classes, shares), f"{len(shares)} labels, {a_row:.2f} a row")
    return LabelWords(distribution=distribution, balance=words.ratio(shares))


MULTILABEL = Kind(
    labels="classes",
    dtype="float32",
    classes=ClassRule(least=1),
    losses={"cross_entropy": LossRule(hard=_loss, soft=_distillation, start=sigmoid.start)},
    metrics={
        "macro_f1": decided(sigmoid.above_threshold, measures.macro_f1_of_labels),
        "micro_f1": decided(sigmoid.above_threshold, measures.micro_f1),
        "average_precision": measures.mean_average_precision,
        "auc": measures.mean_auc,
    },
    fit=sigmoid.fit,
    constant=sigmoid.majority,
    predict=sigmoid.above_threshold,
    confidence=_probability,
    describe=_describe,
    has_threshold=True,
)
