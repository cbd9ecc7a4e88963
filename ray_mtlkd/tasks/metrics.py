"""How good a task's outputs are: every metric by name, most computed by scikit-learn, scipy or seqeval.

A label unseen in train is never predicted, so it counts as a miss. A measure that is undefined on a table has a
defined value here, so that a table with a single class or a constant prediction never ends a trial: AUC .5,
average precision 0, correlations 0; F1 is 1 where nothing is to be found and nothing was found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ray_mtlkd.decode import unknown_name
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.tasks import measures
from ray_mtlkd.tasks.kinds import KINDS
from ray_mtlkd.tasks.measures import Floats, Labels, Offsets
from ray_mtlkd.tasks.task import Kind, Task


class Measure(Protocol):
    """A metric on one kind: finite raw outputs and labels of at least one row give a finite number."""

    def __call__(self, task: Task, outputs: Floats, labels: Labels, offsets: Offsets, /) -> float:
        """The metric's value."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric and the kinds that it fits.

    Attributes:
        sign: +1 where higher is better, else -1.
        perfect: Its value where every prediction is right.
    """

    name: str
    sign: int
    perfect: float
    measures: Mapping[Kind, Measure]

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds that it fits."""
        return frozenset(self.measures)


def check_metric(name: str, kind: Kind, *, where: str) -> MtlkdError | None:
    """What is wrong with measuring a task of this kind by this metric; None where it fits."""
    fitting = [metric.name for metric in METRICS.values() if kind in metric.kinds]
    if name not in METRICS:
        return unknown_name(name, fitting, what="metric", where=where)
    if name not in fitting:
        return MtlkdError(f"{name} does not fit a {kind} task", where=where, fix="use one of: " + ", ".join(fitting))
    return None


def evaluate(task: Task, outputs: Floats, labels: Labels, offsets: Offsets = None) -> float:
    """The task's metric, in the metric's own unit.

    Args:
        task: Names the metric.
        outputs: Raw outputs of the network, float32: [N] logits (binary), [N] standardised predictions (regression),
            [N, K] logits, or [tokens, K] logits (tagging).
        labels: As `ray_mtlkd.data.examples.Examples` holds them.
        offsets: Tagging only: where each row's tokens begin [N+1].

    Raises:
        MtlkdError: where an output is NaN or infinite, or the metric does not fit the task.
    """
    problem = check_metric(task.metric, task.kind, where=f"task {task.name}")
    if problem is not None:
        raise problem
    if not np.isfinite(outputs).all():
        raise MtlkdError(
            f"{np.count_nonzero(~np.isfinite(outputs))} of {outputs.size} outputs are not finite",
            where=f"task {task.name}",
            fix="lower the learning rate",
        )
    return METRICS[task.metric].measures[task.kind](task, outputs, labels, offsets)


def trivial(task: Task, train_labels: Labels, labels: Labels, offsets: Offsets = None) -> float:
    """The metric of the predictor that knows only the train labels: majority class, majority tag or mean.

    Args:
        task: Names the metric.
        train_labels: What the predictor is fitted on; no label in it is unseen.
        labels: What it is measured on.
        offsets: Tagging only: where each row's tokens begin in ``labels`` [N+1].
    """
    constant = KINDS[task.kind].constant(task, train_labels)
    outputs = np.broadcast_to(constant, (len(labels), *constant.shape))
    return evaluate(task, outputs, labels, offsets)


def skill(metric_value: float, trivial_value: float, perfect: float) -> float:
    """How far a metric is between the trivial predictor (0) and perfect (1); negative where worse than trivial.

    Where the trivial predictor is already perfect there is nothing to learn: 1 for a perfect value, else 0.
    """
    if trivial_value == perfect:
        return float(metric_value == perfect)
    return (metric_value - trivial_value) / (perfect - trivial_value)


def _metric(name: str, *, sign: int = 1, perfect: float = 1.0, measures: Mapping[Kind, Measure]) -> Metric:
    return Metric(name=name, sign=sign, perfect=perfect, measures=measures)


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        _metric("accuracy", measures={"binary": measures.accuracy, "multiclass": measures.accuracy}),
        _metric(
            "macro_f1",
            measures={"multiclass": measures.macro_f1_of_classes, "multilabel": measures.macro_f1_of_labels},
        ),
        _metric("micro_f1", measures={"multiclass": measures.micro_f1, "multilabel": measures.micro_f1}),
        _metric("f1", measures={"binary": measures.f1}),
        _metric(
            "average_precision",
            measures={"binary": measures.average_precision, "multilabel": measures.mean_average_precision},
        ),
        _metric("auc", measures={"binary": measures.auc, "multilabel": measures.mean_auc}),
        _metric("pearson", measures={"regression": measures.pearson}),
        _metric("spearman", measures={"regression": measures.spearman}),
        _metric("rmse", sign=-1, perfect=0.0, measures={"regression": measures.rmse}),
        _metric("mae", sign=-1, perfect=0.0, measures={"regression": measures.mae}),
        _metric("r2", measures={"regression": measures.r2}),
        _metric("span_f1", measures={"tagging": measures.span_f1}),
    )
}
"""Every metric by name."""
