"""Small setups of texts whose labels follow from their words, one task for every kind that reads them."""

import random

import pyarrow as pa
import pytest

from ray_mtlkd.setups.files import MemorySource
from ray_mtlkd.setups.manifest import Columns, Manifest, TaskSpec
from ray_mtlkd.setups.tables import read_setup
from tests.setup_files import Files

GOOD, BAD, OTHER = ("great", "lovely", "fine"), ("awful", "broken", "poor"), ("lamp", "chair", "desk", "oak", "12x")
METRICS = {
    "binary": "f1",
    "multiclass": "accuracy",
    "multilabel": "macro_f1",
    "regression": "pearson",
    "tagging": "span_f1",
}
ROWS = {"train": 120, "valid": 40, "test": 40}


def _row(rng):
    good, bad = rng.randint(0, 2), rng.randint(0, 2)
    words = [*rng.sample(GOOD, good), *rng.sample(BAD, bad), *rng.sample(OTHER, 3)]
    rng.shuffle(words)
    return words, good, bad


def _label(kind, words, good, bad):
    if kind == "tagging":
        return ["B-OP" if word in GOOD + BAD else "O" for word in words]
    return {
        "binary": int(good > bad),
        "multiclass": ["bad", "even", "good"][(good > bad) - (good < bad) + 1],
        "multilabel": [name for name, count in (("good", good), ("bad", bad)) if count],
        "regression": float(good - bad),
    }[kind]


def _inputs(form, words, other, label):
    if form == "pair":
        return {"a": " ".join(words), "b": " ".join(words[:-1] if label else other)}
    if form == "columns":
        named = {"first": words[0], "size": float(len(words)) if label else None}
        return {**named, "good": float(sum(word in GOOD for word in words))}
    return {"text": " ".join(words)} if form == "text" else {"text": words}


@pytest.fixture
def made():
    """A setup of one task of this kind and input form; ``missing`` of the train labels are left out."""

    def make(kind, form, *, metric=None, missing=0):
        rng = random.Random(f"{kind} {form}")
        tables = {}
        for split, count in ROWS.items():
            rows = []
            for at in range(count):
                words, good, bad = _row(rng)
                label = _label(kind, words, good, bad)
                inputs = _inputs(form, words, _row(rng)[0], label)
                rows.append({**inputs, "label": None if split == "train" and at < missing else label})
            tables[split] = pa.Table.from_pylist(rows)
        given = {"text": ("text",), "pair": ("a", "b"), "tokens": "text"}
        given["columns"] = Columns(numeric=("size", "good"), categorical=("first",))
        spec = {"kind": kind, "data": "d", "label": "label", "metric": metric or METRICS[kind]}
        whole = {**spec, form: given[form], "missing_labels": "skip"}
        return read_setup(Manifest(name="small", tasks={"t": TaskSpec(**whole)}), MemorySource("small", {"d": tables}))

    return make


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)
