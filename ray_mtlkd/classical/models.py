"""Classical models of rows: linear ones, one against the rest, and gradient boosting, for every kind of label.

Each is fitted on train in several strengths; which one is kept is decided on validation elsewhere.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.tasks.task import Task

Floats = NDArray[np.float32]
Labels = NDArray[Any]
Predictor = Callable[[Any], Floats]
"""From rows to raw outputs, as the metrics take them: [N], or [N, K]."""
Column = Callable[[Any], NDArray[np.float64]]
"""From rows to one score each [N]."""
Fit = Callable[[Task, Any, Labels], Iterator[Predictor]]
"""From train rows and their labels to a fitted model, in every strength that is tried."""

SURE = 30.0
"""Size of the logit of a label that every train row has, or none."""
STAGES = (25, 50, 100)
"""Rounds of gradient boosting that are tried."""


def linear(*strengths: float, wide: bool = False) -> Fit:
    """Logistic regression, or ridge for numbers, with each of these inverse penalties.

    Args:
        strengths: Inverse penalties.
        wide: Whether rows are sparse and have very many columns, which asks for another solver.
    """

    def fit(task: Task, rows: Any, labels: Labels) -> Iterator[Predictor]:
        kind = kind_of(task)
        for strength in strengths:
            if kind.labels == "number":
                ridge = Ridge(alpha=1 / strength, solver="auto", random_state=0)
                yield _alone(ridge.fit(rows, standardise(task, labels)).predict)
            elif kind.is_scalar:
                yield _alone(_logit(rows, labels, strength, wide=wide))
            else:
                yield _beside([_logit(rows, column, strength, wide=wide) for column in _columns(task, labels)])

    return fit


def boosted(*, categorical: range | None = None) -> Fit:
    """Histogram gradient boosting, after each of ``STAGES``; ``categorical`` are places of columns with codes."""
    settings: dict[str, Any] = {
        "categorical_features": None if categorical is None else list(categorical),
        "max_iter": max(STAGES),
        # Without it, the rarest class of a task can drive its logits, and then all others, astray.
        "l2_regularization": 1.0,
        "early_stopping": False,
        "random_state": 0,
    }

    def fit(task: Task, rows: Any, labels: Labels) -> Iterator[Predictor]:
        kind = kind_of(task)
        if kind.labels == "number":
            model = HistGradientBoostingRegressor(**settings).fit(rows, standardise(task, labels))
            for stage in STAGES:
                yield _alone(_at(model.staged_predict, stage))
        elif kind.labels == "classes":
            models = [_boosted_label(rows, column, settings) for column in _columns(task, labels)]
            for stage in STAGES:
                yield _beside([model(stage) for model in models])
        else:
            model = HistGradientBoostingClassifier(**settings).fit(rows, labels.astype(np.int64))
            for stage in STAGES:
                score = _at(model.staged_decision_function, stage)
                yield _two_columns(score) if task.outputs == 2 else _alone(score)  # noqa: PLR2004 - scikit-learn gives one logit for two classes

    return fit


def standardise(task: Task, labels: Labels) -> NDArray[np.float64]:
    """Labels of a regression as raw outputs are: of mean 0 and variance 1 on train."""
    return (labels.astype(np.float64) - task.center) / task.scale


def _columns(task: Task, labels: Labels) -> list[NDArray[np.bool_]]:
    """Whether each row has a class or label, one array [N] for each of the K that train shows."""
    if labels.ndim > 1:
        return [labels[:, at] > 0 for at in range(task.outputs)]
    return [labels == at for at in range(task.outputs)]


def _logit(rows: Any, labels: Labels, strength: float, *, wide: bool) -> Column:
    constant = _constant(labels)
    if constant is not None:
        return constant
    # liblinear's own tolerance for coordinate descent in the dual: a fraction of the time, the same metrics.
    tolerance = 0.1 if wide else 1e-4
    model = LogisticRegression(C=strength, solver="liblinear", dual=wide, tol=tolerance, max_iter=1000, random_state=0)
    score: Column = model.fit(rows, labels.astype(np.int64)).decision_function
    return score


def _boosted_label(rows: Any, labels: Labels, settings: dict[str, Any]) -> Callable[[int], Column]:
    constant = _constant(labels)
    if constant is not None:
        return lambda _: constant
    model = HistGradientBoostingClassifier(**settings).fit(rows, labels.astype(np.int64))
    return lambda stage: _at(model.staged_decision_function, stage)


def _constant(labels: Labels) -> Column | None:
    """The answer to a label that all train rows have, or none."""
    if labels.min() < labels.max():
        return None
    logit = SURE if labels[0] > 0 else -SURE
    return lambda rows: np.full(rows.shape[0], logit)


def _at(staged: Callable[[Any], Iterator[NDArray[np.float64]]], stage: int) -> Column:
    return lambda rows: next(islice(staged(rows), stage - 1, None))


def _alone(score: Column) -> Predictor:
    return lambda rows: score(rows).astype(np.float32)


def _beside(scores: list[Column]) -> Predictor:
    return lambda rows: np.column_stack([score(rows) for score in scores]).astype(np.float32)


def _two_columns(score: Column) -> Predictor:
    return _beside([lambda rows: -score(rows), score])
