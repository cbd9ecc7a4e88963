"""What a task's kind fixes: loss, distillation loss, predictions and trivial predictor, one rule a kind.

Losses of different kinds come in different sizes: log 2 for a coin, log 150 for 150 classes, 0.2 for a rare label. So
that their plain sum is a fair baseline, every loss is divided by what the best constant predictor loses on the train
table, and heads start as that predictor: every task starts at about 1 (knows how often each label occurs, nothing of
the inputs) and ends at 0. For class labels that is the normalised cross-entropy of He et al. 2014 ("Practical lessons
from predicting clicks on ads at Facebook", section 2.1), with p the shares of the labels on train:

    multiclass, tagging   mean over rows (tokens) of cross-entropy       / - sum_k p_k log p_k
    binary                mean over rows of binary cross-entropy         / H(p),  H(p) = - p log p - (1 - p) log(1 - p)
    multilabel            mean over rows of the sum over labels of it    / sum_k H(p_k)
    regression            mean over rows of the squared error            / variance of the train labels

DistillationLoss (Hinton et al. 2015, arXiv:1503.02531, section 2), with z the student's and v the teacher's logits:
``τ² · H(softmax(v / τ), softmax(z / τ))``, divided likewise; the factor τ² keeps the gradient's size when τ changes.
Binary and multilabel tasks put the sigmoid in place of the softmax. Regression recalls the teacher's prediction by MSE.
"""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor
from torch.nn import functional

from ray_mtlkd.tasks.task import Kind, Task


class Loss(Protocol):
    """A kind's loss on hard labels."""

    def __call__(self, outputs: Tensor, labels: Tensor, smoothing: float, /) -> Tensor:
        """Loss of each row (token) in nats or squared standard deviations [N]."""


class DistillationLoss(Protocol):
    """A kind's loss on a teacher's outputs."""

    def __call__(self, outputs: Tensor, soft: Tensor, temperature: float, /) -> Tensor:
        """Loss of each row (token) in nats or squared standard deviations [N]."""


class Scale(Protocol):
    """A kind's labels in the unit of its outputs."""

    def __call__(self, task: Task, labels: Tensor, /) -> Tensor:
        """As many as the labels."""


class ConstantPredictor(Protocol):
    """The best constant predictor of a kind: outputs [K], or [1] where there is one a row, and what it loses."""

    def __call__(self, task: Task, /) -> tuple[tuple[float, ...], float]:
        """Raw outputs; mean loss in nats or squared standard deviations, above 0."""


class Constant(Protocol):
    """A kind's trivial predictor."""

    def __call__(self, task: Task, train_labels: NDArray[Any], /) -> NDArray[np.float32]:
        """One row of raw outputs: [] or [K]."""


class Prediction(Protocol):
    """What a kind's outputs say, in the terms of its labels."""

    def __call__(self, task: Task, outputs: NDArray[np.float32], /) -> NDArray[Any]:
        """Codes [N], or 0 and 1 in the outputs' shape, or numbers in the label's own unit [N]."""


def _as_they_are(_task: Task, labels: Tensor) -> Tensor:
    return labels


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a kind fixes.

    Attributes:
        loss: On hard labels.
        distill: On a teacher's outputs.
        start: What a head starts as, and what its loss is divided by.
        predict: What outputs say, in the terms of the labels.
        constant: Outputs of the predictor that knows only the train labels.
        scale: Labels in the unit of the outputs.
        is_scalar: Whether there is one output a row.
        per_token: Whether there is one row of outputs a token.
        is_exclusive: Whether a row (token) has one class of several.
    """

    loss: Loss
    distill: DistillationLoss
    start: ConstantPredictor
    predict: Prediction
    constant: Constant
    scale: Scale = _as_they_are
    is_scalar: bool = False
    per_token: bool = False
    is_exclusive: bool = False


@functools.cache
def unit(task: Task) -> float:
    """What the best constant predictor loses on train, in nats or squared standard deviations: above 0."""
    return KINDS[task.kind].start(task)[1]


def start(task: Task) -> tuple[float, ...]:
    """Raw outputs of the best constant predictor on train, where a head starts: [K], or [1] for one output a row."""
    return KINDS[task.kind].start(task)[0]


def _binary(outputs: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    target = labels * (1 - smoothing) + smoothing / 2 if smoothing else labels
    return functional.binary_cross_entropy_with_logits(outputs, target, reduction="none")


def _several(outputs: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    return _binary(outputs, labels, smoothing).sum(1)


_FEW = 16
"""Numbers in a vector register. Over fewer neighbours torch's softmax on a CPU goes one by one; turned round, it takes
many rows at once: with 10 classes in 0.4 of the time."""


def _classes(outputs: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    if outputs.shape[1] < _FEW:
        turned = outputs.T[None], labels[None]
        return functional.cross_entropy(*turned, reduction="none", label_smoothing=smoothing)[0]
    return functional.cross_entropy(outputs, labels, reduction="none", label_smoothing=smoothing)


def _squared(outputs: Tensor, labels: Tensor, _smoothing: float) -> Tensor:
    return functional.mse_loss(outputs, labels, reduction="none")


def _standardised(task: Task, labels: Tensor) -> Tensor:
    return (labels - task.center) / task.scale


def _distill_binary(outputs: Tensor, soft: Tensor, temperature: float) -> Tensor:
    target = (soft / temperature).sigmoid()
    rows = functional.binary_cross_entropy_with_logits(outputs / temperature, target, reduction="none")
    return rows * temperature**2


def _distill_several(outputs: Tensor, soft: Tensor, temperature: float) -> Tensor:
    return _distill_binary(outputs, soft, temperature).sum(1)


def _distill_classes(outputs: Tensor, soft: Tensor, temperature: float) -> Tensor:
    target = (soft / temperature).softmax(dim=1)
    return functional.cross_entropy(outputs / temperature, target, reduction="none") * temperature**2


def _distill_squared(outputs: Tensor, soft: Tensor, _temperature: float) -> Tensor:
    return functional.mse_loss(outputs, soft, reduction="none")


def _start_binary(task: Task) -> tuple[tuple[float, ...], float]:
    prior = task.prior or (0.5,) * task.outputs
    return tuple(math.log(p / (1 - p)) for p in prior), sum(-p * math.log(p) - (1 - p) * math.log(1 - p) for p in prior)


def _start_classes(task: Task) -> tuple[tuple[float, ...], float]:
    prior = task.prior or (1 / task.outputs,) * task.outputs
    return tuple(math.log(p) for p in prior), sum(-p * math.log(p) for p in prior)


def _start_squared(_task: Task) -> tuple[tuple[float, ...], float]:
    return (0.0,), 1.0


def _above_threshold(task: Task, outputs: NDArray[np.float32]) -> NDArray[Any]:
    return np.asarray(expit(outputs) >= task.threshold, dtype=np.int64)


def _largest(_task: Task, outputs: NDArray[np.float32]) -> NDArray[Any]:
    return np.asarray(outputs.argmax(axis=1))


def _in_unit(task: Task, outputs: NDArray[np.float32]) -> NDArray[Any]:
    return outputs.astype(np.float64) * task.scale + task.center


_SURE = 30.0
"""A logit whose probability is beyond any sensible threshold."""


def _majority_sign(_task: Task, train_labels: NDArray[Any]) -> NDArray[np.float32]:
    likely = train_labels.mean(axis=0) >= 0.5  # noqa: PLR2004 - the majority, whatever the task's threshold
    return np.asarray(np.where(likely, _SURE, -_SURE), dtype=np.float32)


def _majority_class(task: Task, train_labels: NDArray[Any]) -> NDArray[np.float32]:
    counts = np.bincount(train_labels, minlength=task.outputs)
    return np.asarray(np.arange(task.outputs) == counts.argmax(), dtype=np.float32)


def _mean(task: Task, train_labels: NDArray[Any]) -> NDArray[np.float32]:
    mean = train_labels.mean(dtype=np.float64)
    return np.asarray((mean - task.center) / task.scale, dtype=np.float32)


KINDS: Mapping[Kind, Rule] = {
    "binary": Rule(
        loss=_binary,
        distill=_distill_binary,
        start=_start_binary,
        predict=_above_threshold,
        constant=_majority_sign,
        is_scalar=True,
    ),
    "multiclass": Rule(
        loss=_classes,
        distill=_distill_classes,
        start=_start_classes,
        predict=_largest,
        constant=_majority_class,
        is_exclusive=True,
    ),
    "multilabel": Rule(
        loss=_several, distill=_distill_several, start=_start_binary, predict=_above_threshold, constant=_majority_sign
    ),
    "regression": Rule(
        loss=_squared,
        distill=_distill_squared,
        start=_start_squared,
        predict=_in_unit,
        constant=_mean,
        scale=_standardised,
        is_scalar=True,
    ),
    "tagging": Rule(
        loss=_classes,
        distill=_distill_classes,
        start=_start_classes,
        predict=_largest,
        constant=_majority_class,
        per_token=True,
        is_exclusive=True,
    ),
}
