"""The list of metrics, and how good a task's outputs are by its own.

What a metric computes depends on the kind of task: a kind names the metrics that fit it, and so may a metric name kinds
that do not know it. Most are computed by scikit-learn, scipy or seqeval.

A label unseen in train is never predicted, so it counts as a miss. A measure that is undefined on a table has a
defined value here, so that a table with a single class or a constant prediction never ends a trial: AUC .5,
average precision 0, correlations 0; F1 is 1 where nothing is to be found and nothing was found.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ray_mtlkd.decode import unknown_name
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.registry import Registry, is_reference
from ray_mtlkd.tasks.kinds import KINDS, kind_named, kind_of
from ray_mtlkd.tasks.kinds.base import Floats, Labels, Measure, Offsets
from ray_mtlkd.tasks.task import Task

_RANK = re.compile(r"[1-9]\d*")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number that says how good predictions are.

    Attributes:
        name: What records call it.
        sign: +1 where higher is better, else -1.
        perfect: Its value where every prediction is right.
        measures: What it computes, by the name of each kind that does not name the metric itself.
    """

    name: str
    sign: int = 1
    perfect: float = 1.0
    measures: Mapping[str, Measure] = field(default_factory=dict)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of this package that it fits, and those that it names."""
        return frozenset(self.measures).union(name for name, kind in KINDS.items() if self.name in kind.metrics)


def _contract(found: object) -> str | None:
    if not isinstance(found, Metric):
        return f"a {type(found).__name__} is no ray_mtlkd.tasks.metrics.Metric"
    return None if found.sign in {1, -1} else f"its sign is {found.sign}, not 1 or -1"


METRICS: Registry[Metric] = Registry(
    "metric",
    group="ray_mtlkd.metrics",
    members={
        metric.name: metric
        for metric in (
            *(Metric(name=name) for name in ("accuracy", "macro_f1", "micro_f1", "f1", "average_precision", "auc")),
            *(Metric(name=name) for name in ("pearson", "spearman", "r2", "span_f1", "map", "mrr", "ndcg")),
            *(Metric(name=name, sign=-1, perfect=0.0) for name in ("rmse", "mae")),
        )
    },
    contract=_contract,
)
"""Every metric by name, but for the rank at which some are cut off (``ndcg@10``)."""


@functools.cache
def metric_named(name: str) -> Metric:
    """The metric of this name.

    Raises:
        MtlkdError: where there is none.
    """
    return _find(name, where="metric")


def _find(name: str, *, where: str) -> Metric:
    base, _, rank = name.partition("@")
    found = METRICS.find(base, where=where)
    return replace(found, name=f"{found.name}@{rank}") if rank else found


def metric_of(task: Task) -> Metric:
    """The task's metric."""
    return metric_named(task.metric)


def check_metric(name: str, kind: str, *, where: str) -> MtlkdError | None:
    """What is wrong with measuring a task of this kind by this metric; None where it fits."""
    own = kind_named(kind)
    others = [known for known, metric in METRICS.items() if kind in metric.measures]
    fitting = [*own.metrics, *(f"{base}@K" for base in own.at_rank), *others]
    try:
        metric = _find(name, where=where)
    except MtlkdError as error:
        by_reference = is_reference(name.partition("@")[0])
        return error if by_reference else unknown_name(name, fitting, what="metric", where=where)
    if _measure(name, metric, kind) is None:
        return MtlkdError(f"{name} does not fit a {kind} task", where=where, fix="use one of: " + ", ".join(fitting))
    return None


def _measure(name: str, metric: Metric, kind: str) -> Measure | None:
    """What a metric computes on a kind; None where it does not fit."""
    base, at, rank = name.partition("@")
    if at:
        cut = kind_named(kind).at_rank.get(base)
        return cut(int(rank)) if cut is not None and _RANK.fullmatch(rank) else None
    return kind_named(kind).metrics.get(name, metric.measures.get(kind))


@functools.cache
def _measure_of(task: Task) -> Measure:
    problem = check_metric(task.metric, task.kind, where=f"task {task.name}")
    if problem is not None:
        raise problem
    measure = _measure(task.metric, metric_of(task), task.kind)
    assert measure is not None  # noqa: S101 - else there would be a problem
    return measure


def evaluate(task: Task, outputs: Floats, labels: Labels, offsets: Offsets = None) -> float:
    """The task's metric, in the metric's own unit.

    Args:
        task: Names the metric.
        outputs: Raw outputs of the network, float32: [N] logits (binary), [N] standardised predictions (regression),
            [N, K] logits, or [tokens, K] logits (tagging).
        labels: As `ray_mtlkd.data.examples.Examples` holds them.
        offsets: Where each row's tokens begin [N+1], of kinds with a row of outputs a token.

    Raises:
        MtlkdError: where an output is NaN or infinite, or the metric does not fit the task.
    """
    measure = _measure_of(task)
    if not np.isfinite(outputs).all():
        raise MtlkdError(
            f"{np.count_nonzero(~np.isfinite(outputs))} of {outputs.size} outputs are not finite",
            where=f"task {task.name}",
            fix="lower the learning rate",
        )
    return measure(task, outputs, labels, offsets)


def trivial(task: Task, train_labels: Labels, labels: Labels, offsets: Offsets = None) -> float:
    """The metric of the predictor that knows only the train labels: majority class, majority tag or mean.

    Args:
        task: Names the metric.
        train_labels: What the predictor is fitted on; no label in it is unseen.
        labels: What it is measured on.
        offsets: Where each row's tokens begin in ``labels``, as for `evaluate`.
    """
    constant = kind_of(task).constant(task, train_labels)
    outputs = np.broadcast_to(constant, (len(labels), *constant.shape))
    return evaluate(task, outputs, labels, offsets)


def skill(metric_value: float, trivial_value: float, perfect: float) -> float:
    """How far a metric is between the trivial predictor (0) and perfect (1); negative where worse than trivial.

    Where the trivial predictor is already perfect there is nothing to learn: 1 for a perfect value, else 0.
    """
    if trivial_value == perfect:
        return float(metric_value == perfect)
    return (metric_value - trivial_value) / (perfect - trivial_value)
