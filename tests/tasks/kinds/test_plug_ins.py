"""A kind and a metric of somebody's own, from a module that is no part of the package."""

import sys

import numpy as np
import pyarrow as pa
import pytest

from ray_mtlkd import setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.setups.files import MemorySource
from ray_mtlkd.setups.manifest_reader import parse_manifest
from ray_mtlkd.setups.tables import read_setup
from ray_mtlkd.tasks.kinds import KINDS
from ray_mtlkd.tasks.metrics import check_metric, evaluate
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.step.losses import losses

COUNTS = """
import math
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional

from ray_mtlkd.tasks.kinds.base import Kind, LabelWords, LossRule
from ray_mtlkd.tasks.metrics import Metric


def poisson(outputs, labels, smoothing, groups):
    return functional.poisson_nll_loss(outputs, labels, reduction="none") + 1


def recall(outputs, soft, temperature, groups):
    return functional.mse_loss(outputs, soft, reduction="none")


def share_right(task, outputs, labels, offsets):
    return float(np.mean(np.rint(np.exp(outputs)) == labels))


COUNTS = Kind(
    labels="number",
    dtype="float32",
    least_number=0.0,
    losses={"poisson": LossRule(hard=poisson, soft=recall, start=lambda task: ((math.log(task.center),), 1.0))},
    metrics={"accuracy": share_right},
    fit=lambda task, labels, offsets, weights, where: replace(task, center=float(labels.mean())),
    constant=lambda task, labels: np.asarray(math.log(labels.mean()), np.float32),
    predict=lambda task, outputs: np.exp(outputs),
    describe=lambda task, labels, offsets: LabelWords(distribution=(f"mean {labels.mean():.1f}",)),
    answer="count",
    is_scalar=True,
)
WITHIN_ONE = Metric(
    name="within_one",
    measures={"regression": lambda task, outputs, labels, offsets: float(np.mean(np.abs(outputs - labels) <= 1))},
)
NO_KIND = print
NO_LOSS = replace(COUNTS, losses={})
"""


@pytest.fixture(autouse=True)
def _module(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "somebodys_counts.py").write_text(COUNTS)
    yield
    sys.modules.pop("somebodys_counts", None)


def _manifest(**changes):
    task = {"kind": "somebodys_counts:COUNTS", "data": "d", "vector": "x", "label": "y", "metric": "accuracy"}
    return parse_manifest({"name": "counts", "tasks": {"count": {**task, **changes}}}, where="counts.yaml")


def _tables():
    rng = np.random.default_rng(0)
    made = {}
    for split, rows in (("train", 80), ("valid", 20), ("test", 20)):
        x = rng.normal(size=(rows, 3)).astype(np.float32)
        made[split] = pa.table({"x": list(x), "y": rng.poisson(np.exp(x[:, 0]))})
    return MemorySource("counts", {"d": made})


def test_a_kind_of_somebody_s_own_is_read_featurised_and_lost():
    raw = read_setup(_manifest(), _tables())
    (table,) = as_tensors(setups.featurise(raw, Mlp().features)).tasks
    assert table.task.center == pytest.approx(float(table.train.labels.mean()))
    (value,) = losses([table.task], [table.train.labels * 0], [table.train.labels])
    assert value.item() == pytest.approx(2.0)
    assert 0 <= table.trivial_valid < 1
    assert Mlp.forms[table.task.kind] == "Dense"


def test_what_the_kind_does_not_have_is_refused_as_for_any_other(refused):
    with refused():
        _manifest(metric="rmse")
    with refused():
        _manifest(threshold=0.3)


@pytest.mark.parametrize(
    "name", ["nowhere_at_all:COUNTS", "somebodys_counts:NO_KIND", "somebodys_counts:NO_LOSS", "counts"]
)
def test_what_is_no_kind_is_one_error_at_its_place(name, refused):
    with refused() as caught:
        _manifest(kind=name)
    assert caught.value.where == "counts.yaml: tasks.count.kind"
    assert "binary" in KINDS


def test_a_metric_of_somebody_s_own_says_which_kinds_it_fits():
    name = "somebodys_counts:WITHIN_ONE"
    assert check_metric(name, "regression", where="x") is None
    assert "does not fit a binary task" in str(check_metric(name, "binary", where="x"))
    assert "is no metric" in str(check_metric("somebodys_counts:COUNTS", "regression", where="x"))
    task = Task(name="t", kind="regression", metric=name)
    assert evaluate(task, np.zeros(4, np.float32), np.array([0, 1, 2, 3], np.float32)) == 0.5
