"""A metric of weighted rows is the metric of a table in which rows are repeated."""

from itertools import pairwise

import numpy as np
import pytest

from ray_mtlkd.tasks.metrics import evaluate
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.tasks.weighted import units, weighted_metric
from tests.predictions import predicted
from tests.tasks.cases import EVERY, make, noisy_outputs, sample

RESAMPLES, OF_FEW = 10, 30
"""How many tables are drawn of one: more where some of them are odd."""


def _kept(task, outputs, labels, offsets):
    """As a trial keeps them."""
    about = {"offsets": offsets, "classes": task.classes, "center": task.center, "scale": task.scale}
    if task.kind in {"multiclass", "tagging"}:
        return predicted(task.kind, task.metric, labels, likeliest=outputs.argmax(1)[:, None].astype(np.int32), **about)
    return predicted(task.kind, task.metric, labels, outputs=outputs, threshold=task.threshold, **about)


def _repeated(counts, outputs, labels, offsets):
    """A table with each unit so often."""
    ends = np.arange(len(labels) + 1) if offsets is None else offsets
    parts = [np.arange(a, b) for a, b in pairwise(ends)]
    drawn = [part for part, count in zip(parts, counts, strict=True) for _ in range(count)]
    at = np.concatenate(drawn)
    repeated = None if offsets is None else np.cumsum([0, *map(len, drawn)])
    return outputs[at], labels[at], repeated


def _check(task, outputs, labels, offsets, resamples=RESAMPLES):
    part = _kept(task, outputs, labels, offsets)
    count = units(part)
    rng = np.random.default_rng(0)
    weights = rng.multinomial(count, np.full(count, 1 / count), resamples).T
    weights[:, 0] = 1
    found = weighted_metric(part)(weights.astype(np.float32))
    expected = [evaluate(task, *_repeated(each, outputs, labels, offsets)) for each in weights.T]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_noisy_predictions(name, kind):
    labels, offsets = sample(kind)
    _check(make(kind, name), noisy_outputs(kind, labels), labels, offsets)


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_predictions_of_which_many_are_equal(name, kind):
    labels, offsets = sample(kind)
    _check(make(kind, name), np.round(noisy_outputs(kind, labels) / 4), labels, offsets)


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_constant_predictions(name, kind):
    labels, offsets = sample(kind)
    _check(make(kind, name), np.zeros_like(noisy_outputs(kind, labels)), labels, offsets)


@pytest.mark.parametrize(("name", "kind"), EVERY)
@pytest.mark.parametrize("alike", ["lowest", "highest"])
def test_labels_that_are_all_the_same(name, kind, alike):
    labels, offsets = sample(kind)
    labels = np.full_like(labels, labels.min() if alike == "lowest" else labels.max())
    _check(make(kind, name), noisy_outputs(kind, labels), labels, offsets)


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_few_rows_of_which_a_resample_may_lack_every_label(name, kind):
    labels, offsets = sample(kind, rows=12)
    _check(make(kind, name), noisy_outputs(kind, labels), labels, offsets, resamples=OF_FEW)


@pytest.mark.parametrize(
    ("kind", "metric"), [(kind, name) for name, kind in EVERY if kind in {"multiclass", "multilabel", "tagging"}]
)
def test_labels_that_train_lacks(kind, metric):
    labels, offsets = sample(kind)
    outputs = noisy_outputs(kind, labels)
    if kind == "multilabel":
        unseen = (np.arange(len(labels)) % 7 == 0).astype(np.float32)
        labels = np.column_stack([labels, unseen])
    else:
        labels = np.where(np.arange(len(labels)) % 7 < 2, -1, labels)
    _check(make(kind, metric), outputs, labels, offsets)


def test_spans_of_tags_in_any_order_and_texts_of_any_length():
    rng = np.random.default_rng(3)
    classes = ("O", "B-a", "I-a", "B-b", "I-b", "I-c")
    task = Task(name="t", kind="tagging", metric="span_f1", classes=classes)
    offsets = np.cumsum([0, *rng.integers(1, 9, 200)])
    labels = rng.integers(-1, len(classes), offsets[-1])
    said = np.where(rng.random(len(labels)) < 0.7, labels % len(classes), rng.integers(0, len(classes), len(labels)))
    _check(task, np.eye(len(classes), dtype=np.float32)[said], labels, offsets)


def test_a_metric_of_somebody_else_has_no_weighted_form():
    assert weighted_metric(predicted("binary", "mine:COST", np.ones(3), outputs=np.ones(3, np.float32))) is None
