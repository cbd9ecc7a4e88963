"""Classical models of rows: linear ones, one against the rest, and gradient boosting, for every kind of label.

Each is fitted on train in several strengths; which one is kept is decided on validation elsewhere. What a model says of
validation and test is computed as soon as it is fitted: the weights of thousands of classes would not fit into memory.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from ray_mtlkd.classical import bounds
from ray_mtlkd.classical.rows import Rows
from ray_mtlkd.data.examples import Split
from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.tasks.task import Task

Floats = NDArray[np.float32]
Labels = NDArray[Any]
Outputs = Mapping[Split, Floats]
"""Raw outputs on valid and test, as the metrics take them: [N], or [N, K]."""
Column = Callable[[Any], NDArray[np.float64]]
"""From rows to one score each [N]."""
Tell = Callable[[int, int], None]
"""Is told how many models of how many are fitted."""

MEASURED: tuple[Split, ...] = ("valid", "test")
SURE = 30.0
"""Size of the logit of a label that every train row has, or none."""
STAGES = (25, 50, 100)
"""Rounds of gradient boosting that are tried."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A fitted model.

    Attributes:
        outputs: What it says.
        sample: What it was fitted on where that is not all; else empty.
    """

    outputs: Outputs
    sample: str = ""


Fit = Callable[[Task, Rows, Labels, Tell], Iterator[Fitted]]
"""From rows of all splits, and the labels of train, to a model in every strength that is tried."""


def linear(*strengths: float, wide: bool = False) -> Fit:
    """Logistic regression, or ridge for numbers, with each of these inverse penalties.

    Args:
        strengths: Inverse penalties.
        wide: Whether rows are sparse and have very many columns, which asks for another solver.
    """

    def fit(task: Task, rows: Rows, labels: Labels, tell: Tell) -> Iterator[Fitted]:
        kind = kind_of(task)
        at_once = labels.ndim == 1 and not wide and len(labels) * task.outputs > bounds.ALONE
        for strength in strengths:
            if kind.labels == "number":
                ridge = Ridge(alpha=1 / strength, solver="auto", random_state=0)
                yield Fitted(outputs=_outputs(rows, ridge.fit(rows["train"], standardise(task, labels)).predict))
            elif kind.is_scalar:
                yield Fitted(outputs=_outputs(rows, _logit(rows["train"], labels, strength, wide=wide)))
            elif at_once:
                yield _softmax(task, rows, labels, strength)
            else:
                yield _against_the_rest(task, rows, labels, strength, wide=wide, tell=tell)

    return fit


def boosted(*, categorical: range | None = None) -> Fit:
    """Histogram gradient boosting, after each of ``STAGES``; ``categorical`` are places of columns with codes."""

    def fit(task: Task, rows: Rows, labels: Labels, tell: Tell) -> Iterator[Fitted]:
        kind = kind_of(task)
        rounds = bounds.rounds_of(task.outputs, at_most=max(STAGES))
        stages = [max(1, stage * rounds // max(STAGES)) for stage in STAGES]
        settings: dict[str, Any] = {
            "categorical_features": None if categorical is None else list(categorical),
            "max_iter": rounds,
            # Without it, the rarest class of a task can drive its logits, and then all others, astray.
            "l2_regularization": 1.0,
            "early_stopping": False,
            "random_state": 0,
        }
        said = f"{rounds} rounds" if rounds < max(STAGES) else ""
        if kind.labels == "number":
            model = HistGradientBoostingRegressor(**settings).fit(rows["train"], standardise(task, labels))
            found = _staged(model.staged_predict, rows, stages)
        elif kind.labels == "classes":
            columns = []
            for at, column in enumerate(_columns(task, labels)):
                columns.append(_boosted_label(rows, column, settings, stages))
                tell(at + 1, task.outputs)
            found = [_beside([column[at] for column in columns]) for at in range(len(stages))]
        else:
            train, chosen, sample = _some(task, rows["train"], labels)
            model = HistGradientBoostingClassifier(**settings).fit(train, chosen)
            said = ", ".join(part for part in (said, sample) if part)
            found = _staged(model.staged_decision_function, rows, stages)
            if task.outputs == 2:  # noqa: PLR2004 - scikit-learn gives one logit for two classes
                found = [{split: np.column_stack([-score, score]) for split, score in each.items()} for each in found]
        for outputs in found:
            yield Fitted(outputs=outputs, sample=said)

    return fit


def standardise(task: Task, labels: Labels) -> NDArray[np.float64]:
    """Labels of a regression as raw outputs are: of mean 0 and variance 1 on train."""
    return (labels.astype(np.float64) - task.center) / task.scale


def _columns(task: Task, labels: Labels) -> Iterator[NDArray[np.bool_]]:
    """Whether each row has a class or label, one array [N] for each of the K that train shows."""
    for at in range(task.outputs):
        yield labels[:, at] > 0 if labels.ndim > 1 else labels == at


def _against_the_rest(task: Task, rows: Rows, labels: Labels, strength: float, *, wide: bool, tell: Tell) -> Fitted:
    """A logistic regression a class, of very many classes each against a sample of the other rows."""
    outputs = {split: np.empty((rows[split].shape[0], task.outputs), np.float32) for split in MEASURED}
    sampled = False
    for at, column in enumerate(_columns(task, labels)):
        drawn = bounds.others(column, classes=task.outputs, seed=at)
        if drawn is None:
            score = _logit(rows["train"], column, strength, wide=wide)
        else:
            chosen, weight = drawn
            score = _logit(rows["train"][chosen], column[chosen], strength, wide=wide, weight_of_others=weight)
            sampled = True
        for split, found in outputs.items():
            found[:, at] = score(rows[split])
        tell(at + 1, task.outputs)
    sample = f"each class against {bounds.others_of(task.outputs):,} rows" if sampled else ""
    return Fitted(outputs=outputs, sample=sample)


def _softmax(task: Task, rows: Rows, labels: Labels, strength: float) -> Fitted:
    """One logistic regression of all classes, which takes a fraction of the time of one a class."""
    train, chosen, sample = _some(task, rows["train"], labels)
    model = LogisticRegression(C=strength, max_iter=200).fit(train, chosen)
    said = ", ".join(part for part in ("all classes at once", sample) if part)
    return Fitted(outputs=_outputs(rows, model.decision_function), sample=said)


def _some(task: Task, train: Any, labels: Labels) -> tuple[Any, NDArray[np.int64], str]:
    """Rows and labels for a model of all classes, and what is to be said of them."""
    classes = labels.astype(np.int64)
    chosen = bounds.some(classes, classes=task.outputs)
    if chosen is None:
        return train, classes, ""
    return train[chosen], classes[chosen], f"{len(chosen):,} of {len(classes):,} rows"


def _logit(rows: Any, labels: Labels, strength: float, *, wide: bool, weight_of_others: float | None = None) -> Column:
    constant = _constant(labels)
    if constant is not None:
        return constant
    model = LogisticRegression(
        C=strength,
        class_weight=None if weight_of_others is None else {0: weight_of_others, 1: 1.0},
        solver="liblinear",
        dual=wide,
        # liblinear's own tolerance for coordinate descent in the dual: a fraction of the time, the same metrics.
        tol=0.1 if wide else 1e-4,
        max_iter=1000,
        random_state=0,
    )
    score: Column = model.fit(rows, labels.astype(np.int64)).decision_function
    return score


def _boosted_label(rows: Rows, labels: Labels, settings: dict[str, Any], stages: list[int]) -> list[Outputs]:
    constant = _constant(labels)
    if constant is not None:
        return [_outputs(rows, constant)] * len(stages)
    model = HistGradientBoostingClassifier(**settings).fit(rows["train"], labels.astype(np.int64))
    return _staged(model.staged_decision_function, rows, stages)


def _constant(labels: Labels) -> Column | None:
    """The answer to a label that all train rows have, or none."""
    if labels.min() < labels.max():
        return None
    logit = SURE if labels[0] > 0 else -SURE
    return lambda rows: np.full(rows.shape[0], logit)


def _outputs(rows: Rows, score: Column) -> Outputs:
    return {split: score(rows[split]).astype(np.float32) for split in MEASURED}


def _staged(staged: Callable[[Any], Iterator[NDArray[np.float64]]], rows: Rows, stages: list[int]) -> list[Outputs]:
    """What a boosted model says after so many rounds, for each of the stages."""
    found: dict[Split, dict[int, Floats]] = {}
    for split in MEASURED:
        scores = enumerate(staged(rows[split]), start=1)
        found[split] = {at: score.astype(np.float32) for at, score in scores if at in stages}
    return [{split: found[split][stage] for split in MEASURED} for stage in stages]


def _beside(columns: list[Outputs]) -> Outputs:
    return {split: np.column_stack([column[split] for column in columns]) for split in MEASURED}
