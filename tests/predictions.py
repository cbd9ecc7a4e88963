"""Predictions as trials leave them, made up."""

import numpy as np

from ray_mtlkd.predicted import PredictedRows


def predicted(kind, metric, labels, *, task="t", split="test", **members):
    """A split's predictions; ``outputs`` or ``likeliest`` and ``probabilities`` by name, and whatever else."""
    classes = {"multiclass": ("a", "b", "c", "d"), "tagging": ("O", "B-city", "I-city", "B-date")}
    offsets = members.get("offsets")
    by_token = kind == "tagging" and offsets is not None
    own = {
        "extent": {"tagging": "token", "ranking": "group"}.get(kind, "row"),
        "table": 0,
        "classes": classes.get(kind, ()),
        "threshold": 0.5,
        "center": 0.0,
        "scale": 1.0,
        "rows": np.arange(len(offsets) - 1 if by_token else len(labels), dtype=np.int32),
        "offsets": None,
        "outputs": None,
        "likeliest": None,
        "probabilities": None,
        "labels": np.asarray(labels, np.float32),
    }
    return PredictedRows(task=task, split=split, kind=kind, metric=metric, **{**own, **members})
