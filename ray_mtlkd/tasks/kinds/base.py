"""What a kind of task fixes: the rest of the package asks a kind for it, and never which kind it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ray_mtlkd.tasks.task import Task

Floats = NDArray[np.float32]
Labels = NDArray[Any]
Offsets = NDArray[np.int64] | None
"""Where each row's tokens, or each group's rows, begin among the labels, and where the last ones end; else None."""

LabelWeights = NDArray[np.float64] | None
"""What each label counts in the loss, 1 on average; None where all count alike."""

LabelForm = Literal["class", "classes", "tags", "number"]
"""What a row of the label column holds: one class, a list of classes, a list with a class for every token, a number."""

Extent = Literal["row", "token", "group"]
"""What has a loss of its own. There is one output, or one row of outputs, a token; otherwise a row."""

LabelType = Literal["int64", "float32", "float64"]


class Loss(Protocol):
    """A loss on hard labels."""

    def __call__(self, outputs: Tensor, labels: Tensor, smoothing: float, groups: Tensor | None, /) -> Tensor:
        """Loss of each row, token or group in nats or squared standard deviations [N].

        ``groups`` says where the rows of each group begin, and where the last ones end [G+1], on the host; None for
        kinds without groups.
        """


class DistillationLoss(Protocol):
    """A loss on a teacher's outputs."""

    def __call__(self, outputs: Tensor, soft: Tensor, temperature: float, groups: Tensor | None, /) -> Tensor:
        """Loss of each row, token or group in nats or squared standard deviations [N]: 0 where both are the same.

        A teacher that holds no probability for a class says minus infinity there.
        """


class ConstantPredictor(Protocol):
    """The best constant predictor under a loss: outputs [K], or [1] where there is one a row, and what it loses."""

    def __call__(self, task: Task, /) -> tuple[tuple[float, ...], float]:
        """Raw outputs; mean loss in nats or squared standard deviations, above 0."""


@dataclass(frozen=True, kw_only=True)
class LossRule:
    """A loss that tasks of a kind may have.

    Attributes:
        hard: On hard labels.
        soft: On a teacher's outputs.
        start: What a head starts as, and what the loss is divided by.
        is_squared_error: Whether the loss is the negative logarithm of a normal density, up to its variance.
    """

    hard: Loss
    soft: DistillationLoss
    start: ConstantPredictor
    is_squared_error: bool = False


class Measure(Protocol):
    """A metric on one kind: finite raw outputs and labels of at least one row give a finite number."""

    def __call__(self, task: Task, outputs: Floats, labels: Labels, offsets: Offsets, /) -> float:
        """The metric's value."""


class Scale(Protocol):
    """A kind's labels in the unit of its outputs."""

    def __call__(self, task: Task, labels: Tensor, /) -> Tensor:
        """As many as the labels."""


class TrivialPredictor(Protocol):
    """The predictor that knows only the train labels."""

    def __call__(self, task: Task, train_labels: Labels, /) -> Floats:
        """One row of raw outputs: [] or [K]."""


class Prediction(Protocol):
    """What a kind's outputs say, in the terms of its labels."""

    def __call__(self, task: Task, outputs: Floats, /) -> NDArray[Any]:
        """Codes [N], or 0 and 1 in the outputs' shape, or numbers [N]."""


class Confidence(Protocol):
    """How probable a kind's outputs hold what is predicted; the positive class, where there is one output a row."""

    def __call__(self, outputs: Floats, predicted: NDArray[Any], /) -> Floats:
        """In [0, 1], as many as the predictions."""


class Fit(Protocol):
    """What a task knows of its train labels."""

    def __call__(self, task: Task, labels: Labels, offsets: Offsets, weights: LabelWeights, where: str, /) -> Task:
        """The task with what it knows.

        Args:
            task: Its classes are known.
            labels: Of train, as `ray_mtlkd.data.examples.Examples` holds them; numbers in double precision.
            offsets: As the metrics get them.
            weights: What each label counts in the loss.
            where: The label column.

        Raises:
            MtlkdError: at ``where``, where the labels leave nothing to learn.
        """


@dataclass(frozen=True, kw_only=True)
class LabelWords:
    """Labels at a glance: their distribution, line by line; how unequal they are, empty where that says nothing."""

    distribution: tuple[str, ...]
    balance: str = ""


class Describe(Protocol):
    """A table's labels in words."""

    def __call__(self, task: Task, labels: Labels, offsets: Offsets, /) -> LabelWords:
        """In a few words."""


class Notice(Protocol):
    """What a reader should know of a table's labels."""

    def __call__(self, labels: Labels, offsets: Offsets, /) -> str | None:
        """E.g. ``3 of 90 queries without a relevant candidate``; None for nothing."""


class NameCheck(Protocol):
    """What class names must look like."""

    def __call__(self, names: Sequence[str], /) -> tuple[str, str] | None:
        """What is wrong with them, and what to do; None where they are in order."""


@dataclass(frozen=True, kw_only=True)
class ClassRule:
    """The classes that a task may have.

    Attributes:
        least: That train must show.
        roles: What each class is, where there are as many classes as roles.
        usual: Their names where labels are numbers and the manifest does not name them; others it must name.
        check: Of all names.
    """

    least: int = 2
    roles: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    check: NameCheck | None = None


def _as_they_are(_task: Task, labels: Tensor) -> Tensor:
    return labels


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a kind of task fixes.

    Attributes:
        labels: What the label column holds.
        dtype: Of the labels as arrays.
        classes: The rule for class names; None where labels are numbers.
        least_number: The smallest label, where labels are numbers; None for none.
        losses: By the name that a task's `loss` gives; the first is the default.
        metrics: Those that fit, by name; a metric may know more kinds by itself.
        at_rank: Of these, what they are where only the first K ranks count: ``NAME@K``.
        fit: What a task knows of its train labels.
        constant: Outputs of the predictor that knows only the train labels.
        predict: What outputs say, in the terms of the labels.
        confidence: How probable that is, or the positive class of two; None where outputs are no logits.
        describe: Labels in words.
        notice: What a reader should know of labels that are in order.
        scale: Labels in the unit of the outputs.
        extent: What has a loss of its own.
        answer: What a prediction is called: the column ``TASK_answer`` of `ray-mtlkd predict`.
        is_scalar: Whether there is one output a row.
        is_exclusive: Whether a row (token) has one class of several, with an output for each.
        has_threshold: Whether a label counts as predicted from a probability on.
    """

    labels: LabelForm
    dtype: LabelType
    losses: Mapping[str, LossRule]
    metrics: Mapping[str, Measure]
    fit: Fit
    constant: TrivialPredictor
    predict: Prediction
    describe: Describe
    at_rank: Mapping[str, Callable[[int], Measure]] = field(default_factory=dict)
    classes: ClassRule | None = None
    least_number: float | None = None
    confidence: Confidence | None = None
    notice: Notice | None = None
    scale: Scale = _as_they_are
    extent: Extent = "row"
    answer: str = "prediction"
    is_scalar: bool = False
    is_exclusive: bool = False
    has_threshold: bool = False

    @property
    def per_token(self) -> bool:
        """Whether there is one row of outputs a token."""
        return self.extent == "token"

    @property
    def per_group(self) -> bool:
        """Whether rows belong to groups that stay together."""
        return self.extent == "group"


def contract(found: object) -> str | None:
    """What keeps something from being a kind."""
    if not isinstance(found, Kind):
        return f"a {type(found).__name__} is no ray_mtlkd.tasks.kinds.Kind"
    if (found.labels == "number") != (found.classes is None):
        return "either its labels are numbers, or it has a rule for `classes`"
    if (found.labels == "tags") != found.per_token:
        return "labels are tags where there is a loss a token, and only there"
    if not found.losses:
        return "it has no loss"
    return None
