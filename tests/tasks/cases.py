"""Labels and predictions of every kind, for every metric."""

import numpy as np

from ray_mtlkd.tasks.metrics import METRICS
from ray_mtlkd.tasks.task import Task

TAGS = ("O", "B-city", "I-city", "B-date")
CLASSES = {"binary": ("no", "yes"), "multiclass": tuple("abcd"), "multilabel": tuple("abc"), "tagging": TAGS}
EVERY = [(name, kind) for name, metric in METRICS.items() for kind in sorted(metric.kinds)] + [("ndcg@3", "ranking")]


def make(kind, metric, **changes):
    scaled = {"center": 3.0, "scale": 2.0} if kind == "regression" else {}
    return Task(name="t", kind=kind, metric=metric, classes=CLASSES.get(kind, ()), **scaled, **changes)


def sample(kind, *, rows=60, seed=0):
    """Labels in which every class occurs, and offsets."""
    rng = np.random.default_rng(seed)
    if kind == "regression":
        return rng.normal(3, 2, rows).astype(np.float32), None
    if kind == "ranking":
        return ((np.arange(rows) % 5 == 0) * (1 + np.arange(rows) % 2)).astype(np.float32), np.arange(0, rows + 1, 6)
    if kind == "multiclass":
        return np.arange(rows) % 4, None
    if kind == "multilabel":
        return (np.arange(rows)[:, None] % np.array([2, 3, 5]) == 0).astype(np.float32), None
    if kind == "binary":
        return (np.arange(rows) % 3 == 0).astype(np.float32), None
    tags = np.tile([0, 1, 2, 0, 0, 3], rows // 6)
    return tags, np.arange(0, rows + 1, 6)


def right_outputs(kind, labels):
    if kind == "regression":
        return ((labels.astype(np.float64) - 3) / 2).astype(np.float32)
    if kind in {"multiclass", "tagging"}:
        return np.eye(4, dtype=np.float32)[labels] * 5
    return (labels * 10 - 5).astype(np.float32)


def noisy_outputs(kind, labels, *, seed=1):
    right = right_outputs(kind, labels)
    return right + np.random.default_rng(seed).normal(0, np.abs(right).max(), right.shape).astype(np.float32)
