"""A small setup whose five tasks read one latent vector, and everything to train on it."""

from dataclasses import replace
from itertools import accumulate

import numpy as np
import pytest
import torch

from ray_mtlkd.data.examples import Examples, SetupTables, TaskTables, as_tensors
from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Bag, Dense, DenseTokens, Mixed, Tokens
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.strategies import decode_strategy
from ray_mtlkd.tasks.metrics import trivial
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.evaluation.evaluate import predict_all
from ray_mtlkd.training.job import Job, SoftLabels
from ray_mtlkd.training.settings import Distillation, Optimization
from tests.rules import HASTY

TASKS = (
    Task(name="yes", kind="binary", metric="accuracy", classes=("no", "yes")),
    Task(name="which", kind="multiclass", metric="accuracy", classes=("a", "b", "c")),
    Task(name="any", kind="multilabel", metric="micro_f1", classes=("p", "q")),
    Task(name="much", kind="regression", metric="rmse"),
    Task(name="where", kind="tagging", metric="span_f1", classes=("O", "B-X", "I-X")),
)


def _labels(kind, latent):
    if kind == "binary":
        return (latent[:, 0] > 0).astype(np.float32)
    if kind == "multiclass":
        return latent[:, :3].argmax(1).astype(np.int64)
    if kind == "multilabel":
        return (latent[:, :2] > 0).astype(np.float32)
    return latent[:, 1].astype(np.float32)


def _examples(task, rows, rng):
    ids = np.arange(rows, dtype=np.int64)
    if task.kind == "tagging":
        lengths = rng.integers(2, 6, rows)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        values = rng.normal(size=(offsets[-1], 6)).astype(np.float32)
        labels = (values[:, 0] > 0).astype(np.int64)  # a positive token is a span of its own
        return Examples(DenseTokens(values, offsets), labels, ids, offsets), offsets
    values = rng.normal(size=(rows, 6)).astype(np.float32)
    latent = values + 0.3 * rng.normal(size=values.shape)
    return Examples(Dense(values, np.zeros((rows, 0), np.int64)), _labels(task.kind, latent), ids), None


@pytest.fixture(scope="session")
def tables():
    rng = np.random.default_rng(0)
    parts = []
    for at, task in enumerate(TASKS):
        train, _ = _examples(task, 60 + 40 * at, rng)
        valid, valid_offsets = _examples(task, 80, rng)
        test, test_offsets = _examples(task, 80, rng)
        layout = Layout(form="DenseTokens" if task.kind == "tagging" else "Dense", width=6)
        parts.append(
            TaskTables(
                task,
                layout,
                train,
                valid,
                test,
                trivial(task, train.labels, valid.labels, valid_offsets),
                trivial(task, train.labels, test.labels, test_offsets),
            )
        )
    return as_tensors(SetupTables("five", tuple(parts), "fingerprint"))


def _labelled(task, inputs, latent, kept):
    """The given rows' labels of the task."""
    return Examples(inputs, _labels(task.kind, latent[kept]), kept)


@pytest.fixture(scope="session")
def shared_tables():
    """Four tasks that label the rows of one table, some of them not every row."""
    rng = np.random.default_rng(1)
    tasks = [task for task in TASKS if task.kind != "tagging"]
    made = {task.name: [] for task in tasks}
    for rows in (160, 90, 90):
        values = rng.normal(size=(rows, 6)).astype(np.float32)
        inputs = Dense(values, np.zeros((rows, 0), np.int64))
        latent = values + 0.3 * rng.normal(size=values.shape)
        for at, task in enumerate(tasks):
            share = (1.0, 0.6, 1.0, 0.1)[at]
            kept = np.flatnonzero(rng.random(rows) < share) if share < 1 else np.arange(rows)
            made[task.name].append(_labelled(task, inputs, latent, kept))
    parts = []
    for task in tasks:
        train, valid, test = made[task.name]
        beaten = [trivial(task, train.labels, split.labels) for split in (valid, test)]
        parts.append(TaskTables(task, Layout(form="Dense", width=6), train, valid, test, *beaten))
    return as_tensors(SetupTables("shared", tuple(parts), "fingerprint", shares_rows=True))


@pytest.fixture(scope="session")
def shared_words():
    """A task that tags words, not in every row, and one that tells their texts apart, in the rows of one table."""
    rng = np.random.default_rng(2)
    tagger = Task(name="where", kind="tagging", metric="span_f1", classes=("O", "B-X"))
    teller = Task(name="which", kind="multiclass", metric="accuracy", classes=("a", "b"))
    made = {tagger.name: [], teller.name: []}
    for rows in (120, 60, 60):
        offsets = np.concatenate([[0], np.cumsum(rng.integers(1, 7, rows))]).astype(np.int64)
        ids = rng.integers(0, 40, (offsets[-1], 2))
        bag = Bag(ids[:, 0].copy(), np.ones(len(ids), np.float32), offsets)
        inputs = Tokens(ids, offsets, bag)
        tagged = np.flatnonzero(rng.random(rows) < 0.7)
        lengths = np.diff(offsets)[tagged]
        at = np.concatenate([np.arange(offsets[row], offsets[row + 1]) for row in tagged])
        ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        made[tagger.name].append(Examples(inputs, (ids[at, 0] < 15).astype(np.int64), tagged, ends))
        told = (ids[offsets[:-1], 0] < 20).astype(np.int64)
        made[teller.name].append(Examples(inputs, told, np.arange(rows)))
    parts = []
    for task in (tagger, teller):
        train, valid, test = made[task.name]
        beaten = [trivial(task, train.labels, split.labels, split.offsets) for split in (valid, test)]
        parts.append(
            TaskTables(task, Layout(form="Tokens", width=2, buckets=40, ngrams=40), train, valid, test, *beaten)
        )
    return as_tensors(SetupTables("words", tuple(parts), "fingerprint", shares_rows=True))


@pytest.fixture(scope="session")
def hashed_tables():
    """Four tasks that label some rows each of one table of hashed n-grams, at random: their gradients conflict."""
    rng = np.random.default_rng(4)
    rows = 50
    offsets = np.concatenate([[0], np.cumsum(rng.integers(1, 9, rows))]).astype(np.int64)
    ids = rng.integers(0, 60, offsets[-1])
    inputs = Bag(ids, rng.random(offsets[-1]).astype(np.float32), offsets)
    labels = {
        Task(name="yes", kind="binary", metric="accuracy", classes=("no", "yes")): rng.integers(0, 2, rows).astype("f"),
        Task(name="which", kind="multiclass", metric="accuracy", classes=("a", "b", "c")): rng.integers(0, 3, rows),
        Task(name="any", kind="multilabel", metric="micro_f1", classes=("p",)): rng.integers(0, 2, (rows, 1)).astype(
            "f"
        ),
        Task(name="much", kind="regression", metric="rmse"): rng.normal(size=rows).astype("f"),
    }
    parts = []
    for at, (task, each) in enumerate(labels.items()):
        kept = np.flatnonzero(rng.random(rows) < 1 - 0.2 * at)
        examples = Examples(inputs, each[kept], kept)
        layout = Layout(form="Bag", buckets=60)
        parts.append(TaskTables(task, layout, examples, examples, examples, 0.0, 0.0))
    return as_tensors(SetupTables("hashed", tuple(parts), "fingerprint", shares_rows=True))


def _mixed(rows, rng, *, text=True, columns=True):
    """Hashed n-grams, two numbers, or both, of some rows."""
    offsets = np.concatenate([[0], np.cumsum(rng.integers(1, 9, rows))]).astype(np.int64)
    bag = Bag(rng.integers(0, 60, offsets[-1]), rng.random(offsets[-1]).astype(np.float32), offsets)
    dense = Dense(rng.normal(size=(rows, 2)).astype(np.float32), np.zeros((rows, 0), np.int64))
    parts = [("text", Layout(form="Bag", buckets=60))] * text + [("columns", Layout(form="Dense", width=2))] * columns
    return Mixed(bag if text else None, dense if columns else None), Layout(form="Mixed", parts=tuple(parts))


@pytest.fixture(scope="session")
def mixed_tables():
    """Four tasks with tables of their own: of texts and columns, of either, and of both again; labels at random."""
    rng = np.random.default_rng(5)
    sorts = ({}, {"columns": False}, {"text": False}, {})
    parts = []
    for task, sort in zip(TASKS[:4], sorts, strict=True):
        inputs, layout = _mixed(40, rng, **sort)
        labels = _labels(task.kind, rng.normal(size=(40, 3)))
        examples = Examples(inputs, labels, np.arange(40))
        parts.append(TaskTables(task, layout, examples, examples, examples, 0.0, 0.0))
    return as_tensors(SetupTables("mixed", tuple(parts), "fingerprint"))


@pytest.fixture(scope="session")
def shared_mixed_tables():
    """Four tasks that label some rows each of one table of texts and columns, at random."""
    rng = np.random.default_rng(6)
    inputs, layout = _mixed(50, rng)
    parts = []
    for task in TASKS[:4]:
        kept = np.flatnonzero(rng.random(50) < 0.8)
        examples = Examples(inputs, _labels(task.kind, rng.normal(size=(50, 3)))[kept], kept)
        parts.append(TaskTables(task, layout, examples, examples, examples, 0.0, 0.0))
    return as_tensors(SetupTables("shared_mixed", tuple(parts), "fingerprint", shares_rows=True))


@pytest.fixture
def job(tables):
    def make(strategy="sum", *, seed=1, encoder=None, only=None, kd=None, convergence=None, training=None, of=tables):
        chosen = of if only is None else replace(of, tasks=tuple(of.tasks[at] for at in only))
        return Job(
            tables=chosen,
            configuration=Configuration(
                strategy=decode_strategy(strategy, where="strategy"),
                architecture=Architecture(encoder=encoder or Mlp(hidden=(16,), dropout=0.1)),
                training=training or Optimization(steps=60, batch_size=16, eval_every=3, lr=2e-2),
                convergence=convergence or HASTY,
                kd=kd or Distillation(every=1),
            ),
            seed=seed,
        )

    return make


@pytest.fixture(scope="module")
def once():
    """What is made of a key, once for all tests of a file."""
    found = {}

    def made(key, make):
        if key not in found:
            found[key] = make()
        return found[key]

    return made


@pytest.fixture(scope="session")
def inline():
    def relabel(request):
        return SoftLabels(
            outputs=predict_all(request.model, request.index, request.table.train), where="inline", why="a test"
        )

    return relabel


@pytest.fixture(scope="session")
def readable(tables):
    """The same five tasks; all but the one that tags can read each other's rows of train."""
    parts = [table.train for table in tables.tasks[:4]]
    starts = accumulate((len(part) for part in parts), initial=0)
    inputs = Dense(*(torch.cat([getattr(part.inputs, name) for part in parts]) for name in ("values", "codes")))
    moved = [
        replace(table, train=replace(part, inputs=inputs, row_ids=part.row_ids + start))
        for table, part, start in zip(tables.tasks, parts, starts, strict=False)
    ]
    return replace(tables, tasks=(*moved, *tables.tasks[4:]))
