"""A setup's tables as the flat arrays that an encoder asks for."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ray_mtlkd.errors import MtlkdError, raise_all
from ray_mtlkd.setups.baseline import token_offsets, trivial_metric
from ray_mtlkd.setups.features import bag
from ray_mtlkd.setups.features.dense import dense_columns, dense_tokens, dense_vectors
from ray_mtlkd.setups.features.overlap import NAMES, overlap_features
from ray_mtlkd.setups.features.tokens import WIDTH, hash_tokens
from ray_mtlkd.setups.features.words import split_words
from ray_mtlkd.setups.raw import RawSetup, RawTask
from ray_mtlkd.tasks.examples import SPLITS, Examples, SetupTables, Split, TaskTables
from ray_mtlkd.tasks.inputs import (
    Array,
    Bag,
    BagFeatures,
    DenseFeatures,
    Features,
    Inputs,
    Layout,
    Pair,
    TokenFeatures,
    Tokens,
)

READS: Mapping[type, frozenset[str]] = {
    DenseFeatures: frozenset({"columns", "vector", "token_vectors"}),
    BagFeatures: frozenset({"text", "pair", "tokens"}),
    TokenFeatures: frozenset({"text", "pair", "tokens"}),
}
"""Input forms that a request can be made from."""


@dataclass(frozen=True)
class _Featurised:
    layout: Layout
    inputs: Mapping[Split, Inputs[Array]]


def featurise(raw: RawSetup, features: Features) -> SetupTables[Array]:
    """The setup's tables as flat arrays. Whatever is fitted (idf, means, codes) is fitted on train.

    Raises:
        MtlkdError: where a task's inputs cannot become such features; ExceptionGroup of them where several cannot.
    """
    raise_all(f"setup {raw.manifest.name}", [problem for task in raw.tasks for problem in _misfit(task, features)])
    readers: dict[int, list[RawTask]] = {}
    for task in raw.tasks:
        readers.setdefault(_inputs_of(task), []).append(task)
    made = dict(zip(readers, _featurise(list(readers.values()), features), strict=True))
    tasks = tuple(_tables(task, made[_inputs_of(task)]) for task in raw.tasks)
    fingerprint = _fingerprint(raw, features, tasks)
    return SetupTables(
        raw.manifest.name,
        tasks,
        fingerprint=fingerprint,
        shares_rows=raw.manifest.shares_rows,
        warnings=raw.warnings,
    )


def _inputs_of(task: RawTask) -> int:
    """Identity of the tables that the task reads; tasks that read the same ones share their features."""
    return id(task.splits["train"].inputs)


def _featurise(readers: Sequence[Sequence[RawTask]], features: Features) -> Sequence[_Featurised]:
    """The features of each set of tables, by the tasks that read them."""
    first = [tasks[0] for tasks in readers]
    if isinstance(features, DenseFeatures):
        return [_dense(task, features) for task in first]
    if isinstance(features, BagFeatures):
        return _bags(first, features)
    return [_tokens(tasks, features) for tasks in readers]


_INPUTS: Mapping[type[Features], str] = {
    DenseFeatures: "columns and vectors",
    BagFeatures: "texts and pairs",
    TokenFeatures: "texts, pairs and tokens",
}
"""What a user calls the inputs that an encoder asks for."""


def _misfit(task: RawTask, features: Features) -> Sequence[MtlkdError]:
    form, kind = task.spec.form, task.task.kind
    where = f"tasks.{task.task.name}"
    if form not in READS[type(features)]:
        able = "cnn" if form == "tokens" else "mlp" if form in READS[DenseFeatures] else "bag or cnn"
        what = f"the encoder reads {_INPUTS[type(features)]}, not {form}"
        fix = (
            f"use {able} for this task; one encoder serves all tasks of a setup, so put other inputs into another setup"
        )
        return [MtlkdError(what, where=where, fix=fix)]
    if kind == "tagging" and isinstance(features, BagFeatures):
        return [MtlkdError("a bag of words has no words to tag", where=where, fix="use cnn")]
    return []


def _dense(task: RawTask, features: DenseFeatures) -> _Featurised:
    tables = {split: table.inputs for split, table in task.splits.items()}
    if task.spec.columns is not None:
        return _Featurised(*dense_columns(tables, task.spec.columns, features))
    column = task.spec.input_columns[0]
    made = dense_vectors(tables, column) if task.spec.form == "vector" else dense_tokens(tables, column)
    return _Featurised(*made)


def _bags(tasks: Sequence[RawTask], features: BagFeatures) -> list[_Featurised]:
    counts = [
        {split: [bag.count(side, features) for side in _texts(task, split)] for split in SPLITS} for task in tasks
    ]
    train = [sparse.vstack(counted["train"], format="csr") for counted in counts]
    known = np.logical_or.reduce([bag.shown(rows) for rows in train])
    layout = Layout(form="Bag", buckets=features.buckets)
    made = []
    for task, counted, fitted_on in zip(tasks, counts, train, strict=True):
        weights = bag.fit(fitted_on, known)
        sides = {split: [weights.bag(side) for side in counted[split]] for split in SPLITS}
        made.append(_join(task, sides, layout))
    return made


def _tokens(readers: Sequence[RawTask], features: TokenFeatures) -> _Featurised:
    task = readers[0]
    longest = None if any(reader.task.kind == "tagging" for reader in readers) else features.max_length
    sides = {
        split: [hash_tokens(side, buckets=features.buckets, max_length=longest) for side in _words(task, split)]
        for split in SPLITS
    }
    return _join(task, sides, Layout(form="Tokens", width=WIDTH, buckets=features.buckets))


def _join(task: RawTask, sides: Mapping[Split, Sequence[Bag[Array] | Tokens[Array]]], layout: Layout) -> _Featurised:
    """One side as it is, two sides as a pair with its overlap features."""
    if task.spec.pair is None:
        return _Featurised(layout, {split: parts[0] for split, parts in sides.items()})
    texts = {split: _texts(task, split) for split in SPLITS}
    overlap = overlap_features(
        (texts["train"][0], texts["train"][1]), [(texts[split][0], texts[split][1]) for split in SPLITS[1:]]
    )
    paired = Layout(form=layout.form, width=layout.width, buckets=layout.buckets, overlap=len(NAMES))
    pairs = {split: Pair(sides[split][0], sides[split][1], table) for split, table in zip(SPLITS, overlap, strict=True)}
    return _Featurised(paired, pairs)


def _texts(task: RawTask, split: Split) -> list[list[str]]:
    """The texts of a table, one list a side: the columns of a text joined, the words of tokens likewise."""
    columns = [task.splits[split].inputs[name].to_pylist() for name in task.spec.input_columns]
    if task.spec.form == "pair":
        return columns
    if task.spec.form == "tokens":
        return [[" ".join(words) for words in columns[0]]]
    return [columns[0] if len(columns) == 1 else [" ".join(parts) for parts in zip(*columns, strict=True)]]


def _words(task: RawTask, split: Split) -> list[list[list[str]]]:
    """The words of a table, one list of rows a side."""
    if task.spec.form == "tokens":
        return [task.splits[split].inputs[task.spec.input_columns[0]].to_pylist()]
    return [[split_words(text) for text in side] for side in _texts(task, split)]


def _tables(task: RawTask, made: _Featurised) -> TaskTables[Array]:
    examples = {
        split: Examples(made.inputs[split], np.ascontiguousarray(raw.labels), raw.row_ids, token_offsets(task, split))
        for split, raw in task.splits.items()
    }
    return TaskTables(
        task=task.task,
        layout=made.layout,
        train=examples["train"],
        valid=examples["valid"],
        test=examples["test"],
        trivial_valid=trivial_metric(task, "valid"),
        trivial_test=trivial_metric(task, "test"),
    )


def _fingerprint(raw: RawSetup, features: Features, tasks: Sequence[TaskTables[Array]]) -> str:
    """Hash of the setup's name, its tasks, the request and every array."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((raw.manifest.name, tuple(raw.manifest.tasks.items()), features)).encode())
    for task in tasks:
        _update(digest, task)
    return digest.hexdigest()


def _update(digest: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).data)
    elif is_dataclass(value):
        digest.update(type(value).__name__.encode())
        for part in fields(value):
            _update(digest, getattr(value, part.name))
    else:
        digest.update(repr(value).encode())
