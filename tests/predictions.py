"""Predictions as trials leave them, made up."""

import numpy as np

from ray_mtlkd.predicted import PredictedRows, checksum, to_bytes
from tests.columns import changed


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


def store(folder, records, parts):
    """The trial's records, which name the file of its predictions, written as a sweep does."""
    data = to_bytes(parts)
    name = f"{records[0].identity.trial}.parquet"
    (folder / "predictions").mkdir(parents=True, exist_ok=True)
    (folder / "predictions" / name).write_bytes(data)
    return [changed(record, predictions=checksum(data)) for record in records]
