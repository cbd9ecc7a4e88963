"""A number a row: the network predicts it in standard deviations from the mean of train.

    loss   mean over rows of the squared error   / variance of the train labels

A teacher's prediction is recalled by the same error; the temperature plays no role.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.tasks.kinds import measures, words
from ray_mtlkd.tasks.kinds.base import Floats, Kind, Labels, LabelWeights, LabelWords, LossRule, Offsets
from ray_mtlkd.tasks.kinds.measures import decided
from ray_mtlkd.tasks.spread import spread
from ray_mtlkd.tasks.task import Task


def _loss(outputs: Tensor, labels: Tensor, _smoothing: float, _groups: Tensor | None) -> Tensor:
    return functional.mse_loss(outputs, labels, reduction="none")


def _distillation(outputs: Tensor, soft: Tensor, _temperature: float, _groups: Tensor | None) -> Tensor:
    return functional.mse_loss(outputs, soft, reduction="none")


def _start(_task: Task) -> tuple[tuple[float, ...], float]:
    return (0.0,), 1.0


def _fit(task: Task, labels: Labels, _offsets: Offsets, weights: LabelWeights, where: str) -> Task:
    center, scale = float(np.average(labels, weights=weights)), spread(labels, weights)
    if not scale > 0:
        same = np.ptp(labels) == 0
        what = f"every train label is {center:g}" if same else f"train labels around {center:g} hardly differ"
        fix = "give labels that differ" if same else "subtract a constant from them before they are written"
        raise MtlkdError(f"{what}: nothing to learn", where=where, fix=fix)
    return replace(task, center=center, scale=scale)


def _standardised(task: Task, labels: Tensor) -> Tensor:
    # in double precision: where labels lie far from 0, their differences are beyond float32
    return ((labels.double() - task.center) / task.scale).float()


def _in_unit(task: Task, outputs: Floats) -> NDArray[Any]:
    return outputs.astype(np.float64) * task.scale + task.center


def _mean(task: Task, train_labels: Labels) -> Floats:
    mean = train_labels.mean(dtype=np.float64)
    return np.asarray((mean - task.center) / task.scale, dtype=np.float32)


def _describe(task: Task, labels: Labels, _offsets: Offsets) -> LabelWords:
    moments = f"mean {words.shown(task.center, labels)}, standard deviation {task.scale:.4g}"
    return LabelWords(distribution=(moments, words.quartiles(labels)))


REGRESSION = Kind(
    labels="number",
    dtype="float64",
    losses={"squared_error": LossRule(hard=_loss, soft=_distillation, start=_start, is_squared_error=True)},
    metrics={
        "pearson": measures.pearson,
        "spearman": measures.spearman,
        "rmse": decided(_in_unit, measures.rmse),
        "mae": decided(_in_unit, measures.mae),
        "r2": decided(_in_unit, measures.r2),
    },
    fit=_fit,
    constant=_mean,
    predict=_in_unit,
    describe=_describe,
    scale=_standardised,
    is_scalar=True,
)
