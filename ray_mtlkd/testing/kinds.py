"""What every kind of task promises of its losses and predictions, and every metric of its numbers."""

import math

import numpy as np
import torch
from torch import Tensor

from ray_mtlkd.tasks.kinds import KINDS, Kind, LossRule, kind_named
from ray_mtlkd.tasks.kinds.base import Floats, Labels, LabelWords, Measure, Offsets
from ray_mtlkd.tasks.metrics import METRICS, Metric
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.testing.base import expect, global_chance_untouched

_ROWS, _CLASSES, _TOGETHER = 24, ("O", "B-x", "I-x"), 4
_SURE = 12.0
"""A logit that leaves no doubt."""
_STEP = 0.1
"""Of a descent along a loss's gradient."""
_TEMPERATURES = (0.5, 1.0, 2.0, 8.0)
_ROUNDING = 1e-5
"""Single precision, added up over the rows of a group or the classes of a row."""


def check_kind(name: str) -> None:
    """Hold a kind of task to its contract, on drawn labels and outputs.

    Each of its losses is finite, one for each row, token or group, and falls along its gradient; a teacher's is 0 where
    the student equals it and never below, at any temperature and with classes that the teacher leaves out; what the
    loss is divided by is above 0; the constant predictor and predictions have their shapes, probabilities lie in
    [0, 1], and every metric that it names is a finite number, the same each time.

    Args:
        name: As a manifest says it: ``package.module:NAME`` of one that is no package's.

    Raises:
        AssertionError: saying what is broken.
        MtlkdError: where there is no such kind.
    """
    kind = KINDS.find(name, where="kind")
    task, labels, offsets = _fitted(name, kind)
    for loss, rule in kind.losses.items():
        _check_loss(kind, rule, task, name=loss, labels=torch.from_numpy(labels), offsets=offsets)
    outputs = _outputs(kind, seed=1).numpy()
    constant = np.asarray(kind.constant(task, labels))
    expect(constant.shape == outputs.shape[1:], f"the constant predictor's outputs are {constant.shape} a row")
    predicted = kind.predict(task, outputs)
    expect(len(predicted) == len(outputs), f"{len(predicted)} predictions of {len(outputs)} outputs")
    if kind.confidence is not None:
        sure = kind.confidence(outputs, predicted)
        expect(((sure >= 0) & (sure <= 1)).all(), "probabilities of predictions lie outside [0, 1]")
    for metric, measure in kind.metrics.items():
        _check_measure(measure, task, outputs, labels, offsets, name=metric)
    for metric, cut in kind.at_rank.items():
        _check_measure(cut(2), task, outputs, labels, offsets, name=f"{metric}@2")
    described = kind.describe(task, labels, offsets)
    expect(isinstance(described, LabelWords) and described.distribution, "`describe` says nothing")


def check_metric(metric: Metric) -> None:
    """Hold a metric to its contract, on every kind that it fits.

    It is a finite number, the same each time; `perfect` where every prediction is right; and worse, as `sign` says,
    where predictions are the opposite.

    Args:
        metric: Of at least one kind.

    Raises:
        AssertionError: saying what is broken.
        MtlkdError: where it names a kind that nobody knows.
    """
    problem = METRICS.misfit(metric)
    expect(problem is None, str(problem))
    expect(metric.kinds, f"{metric.name} fits no kind")
    for name in sorted(metric.kinds):
        kind = kind_named(name)
        measure = kind.metrics.get(metric.name) or metric.measures[name]
        task, labels, offsets = _fitted(name, kind)
        right = _right(kind, task, labels)
        about = f"{metric.name} of a {name} task"
        for outputs in (right, -right, _outputs(kind, seed=1).numpy()):
            _check_measure(measure, task, outputs, labels, offsets, name=about)
        best, worst = (measure(task, outputs, labels, offsets) for outputs in (right, -right))
        expect(math.isclose(best, metric.perfect, abs_tol=1e-6), f"{about} is {best} where all is right")
        expect(metric.sign * worst < metric.sign * best, f"{about}: the opposite of what is right is as good")


def _fitted(name: str, kind: Kind) -> tuple[Task, Labels, Offsets]:
    """A task that knows its train labels, these, and where tokens or groups begin."""
    draws = np.random.default_rng(0)
    classes = () if kind.classes is None else kind.classes.usual if kind.is_scalar else _CLASSES
    if kind.labels == "number":
        least = -2.0 if kind.least_number is None else kind.least_number
        labels: Labels = least + np.floor(draws.random(_ROWS) * 4)  # some are equal, and some the least
    elif kind.is_scalar:
        labels = (np.arange(_ROWS) % 2).astype(kind.dtype)
    elif kind.is_exclusive:
        labels = (np.arange(_ROWS) % len(classes)).astype(kind.dtype)
    else:
        labels = (draws.random((_ROWS, len(classes))) < 0.5).astype(kind.dtype)  # noqa: PLR2004 - as often as not
    offsets = None if kind.extent == "row" else np.arange(0, _ROWS + 1, _TOGETHER)
    task = Task(name="drawn", kind=name, metric="", classes=classes)
    fitted = kind.fit(task, labels, offsets, None, "the labels")
    expect(isinstance(fitted, Task), f"`fit` gives a {type(fitted).__name__}, not a Task")
    return fitted, labels.astype(kind.dtype), offsets


def _outputs(kind: Kind, *, seed: int) -> Tensor:
    width = () if kind.is_scalar else (len(_CLASSES),)
    return torch.randn(_ROWS, *width, generator=torch.Generator().manual_seed(seed))


def _right(kind: Kind, task: Task, labels: Labels) -> Floats:
    """Outputs that say what the labels say, in no doubt."""
    if kind.labels == "number":
        return kind.scale(task, torch.from_numpy(labels)).float().numpy()
    wanted = np.eye(len(task.classes))[labels] if kind.is_exclusive else labels
    return np.asarray((wanted - 0.5) * 2 * _SURE, dtype=np.float32)  # 1 and 0 become sure logits


def _check_loss(kind: Kind, rule: LossRule, task: Task, *, name: str, labels: Tensor, offsets: Offsets) -> None:
    groups = torch.from_numpy(offsets) if kind.per_group and offsets is not None else None
    count = _ROWS if groups is None else len(groups) - 1
    wanted, taught = kind.scale(task, labels), _outputs(kind, seed=2)
    _, unit = rule.start(task)
    expect(unit > 0 and math.isfinite(unit), f"{name}: what the loss is divided by is {unit}")

    def hard(outputs: Tensor) -> Tensor:
        return rule.hard(outputs, wanted, 0.0, groups)

    def soft(outputs: Tensor) -> Tensor:
        return rule.soft(outputs, taught, 2.0, groups)

    for said, loss in (("the loss", hard), ("a teacher's loss", soft)):
        outputs = _outputs(kind, seed=1).requires_grad_()
        with global_chance_untouched(said):
            found = loss(outputs)
        sound = found.shape == (count,) and bool(found.isfinite().all())
        expect(sound, f"{name}: {said} of {count} is {tuple(found.shape)}: one finite number for each")
        (pull,) = torch.autograd.grad(found.mean(), outputs)
        lower = loss(outputs.detach() - _STEP * pull).mean()
        expect(bool(lower < found.mean()), f"{name}: {said} does not fall along its gradient")
    for temperature in _TEMPERATURES:
        _check_teacher(kind, rule, name=f"{name} at a temperature of {temperature}", temperature=temperature, of=groups)


def _check_teacher(kind: Kind, rule: LossRule, *, name: str, temperature: float, of: Tensor | None) -> None:
    taught = _outputs(kind, seed=2)
    same = rule.soft(taught, taught, temperature, of)
    rounding = temperature**2 * _ROUNDING
    expect(bool((same.abs() <= rounding).all()), f"{name}: a teacher's loss is not 0 where the student equals it")
    for seed in range(3, 6):
        student = _outputs(kind, seed=seed).requires_grad_()
        expect(bool((rule.soft(student, taught, temperature, of) >= 0).all()), f"{name}: a teacher's loss is below 0")
        if kind.is_exclusive:
            found = rule.soft(student, _likeliest(taught), temperature, of)
            (pull,) = torch.autograd.grad(found.sum(), student)
            sound = bool(found.isfinite().all() and pull.isfinite().all() and (found >= 0).all())
            expect(sound, f"{name}: the loss or gradient is not finite where a teacher leaves classes out")


def _likeliest(outputs: Tensor) -> Tensor:
    """The largest logit of each row, and minus infinity: what is kept of a teacher's outputs where `top_k` is 1."""
    return outputs.masked_fill(outputs < outputs.amax(dim=1, keepdim=True), -math.inf)


def _check_measure(
    measure: Measure, task: Task, outputs: Floats, labels: Labels, offsets: Offsets, *, name: str
) -> None:
    before = outputs.copy(), labels.copy()
    found = measure(task, outputs, labels, offsets)
    expect(isinstance(found, float | np.floating) and math.isfinite(found), f"{name} is {found!r}, not a finite number")
    expect(measure(task, outputs, labels, offsets) == found, f"{name} is another number each time")
    unchanged = np.array_equal(before[0], outputs) and np.array_equal(before[1], labels)
    expect(unchanged, f"{name} writes into what it measures")
