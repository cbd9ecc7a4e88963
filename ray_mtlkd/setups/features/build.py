"""A setup's tables as the flat arrays that an encoder asks for."""

import hashlib
import platform
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
import pyarrow as pa

from ray_mtlkd.data.examples import SPLITS, Examples, SetupTables, TaskTables
from ray_mtlkd.data.features import DenseFeatures, Features, MixedFeatures
from ray_mtlkd.data.inputs import Array, Inputs, Pair, Pieces, text_of
from ray_mtlkd.errors import raise_all
from ray_mtlkd.setups.cache import SUFFIX, Entry, cache_folder
from ray_mtlkd.setups.content import content_hash
from ray_mtlkd.setups.features.featuriser import Featuriser
from ray_mtlkd.setups.features.fitting import fit, misfits
from ray_mtlkd.setups.features.placing import Made, Placed, place, unlabelled_tables
from ray_mtlkd.setups.features.state import VERSION, dump, load, pack_featurisers
from ray_mtlkd.setups.features.text import TextTags
from ray_mtlkd.setups.pretrained import folder_of
from ray_mtlkd.setups.trivial import token_offsets, trivial_metric
from ray_mtlkd.setups.validated import ValidatedSetup, ValidatedTask
from ray_mtlkd.tasks.kinds import kind_of


def fit_featurisers(validated: ValidatedSetup, features: Features) -> dict[str, Featuriser]:
    """The featuriser of each task, fitted on train alone; tasks that read the same tables have the same one.

    Raises:
        MtlkdError: where a task's inputs cannot become such features; ExceptionGroup of them where several cannot.
    """
    groups = _groups(validated)
    return _by_task(groups, _fit(validated, groups, features))


def featurise(validated: ValidatedSetup, features: Features) -> SetupTables[Array]:
    """The setup's tables as flat arrays; whatever is fitted (idf, means, codes) is fitted on train.

    Features of text are kept in the cache folder, if there is one; dense ones are made faster than found there.

    Raises:
        MtlkdError: where a task's inputs cannot become such features; ExceptionGroup of them where several cannot.
    """
    return featurise_and_pack(validated, features)[0]


def featurise_and_pack(validated: ValidatedSetup, features: Features) -> tuple[SetupTables[Array], bytes]:
    """The same tables, and what `pack_featurisers` makes of the featurisers that they come from.

    Raises:
        MtlkdError: where a task's inputs cannot become such features; ExceptionGroup of them where several cannot.
    """
    folder = None if isinstance(features, DenseFeatures) else cache_folder()
    if folder is None:
        made, packed = _make(validated, features)
        return _setup_tables(validated, features, made), packed
    entry = Entry(folder / "features" / f"{_key(validated, features)}{SUFFIX}")
    found = entry.read()
    if found is not None:
        tables = _setup_tables(validated, features, [Made(*part) for part in load(found.value["made"], found.arrays)])
        packed = found.arrays["featurisers"].tobytes()
        # Both hashes read every array: one that was damaged on the disk changes them.
        if (tables.fingerprint, _hash(packed)) == (found.value["fingerprint"], found.value["featurisers"]):
            return tables, packed
    made, packed = _make(validated, features)
    tables = _setup_tables(validated, features, made)
    plain, arrays = dump(tuple((part.layout, part.splits, part.unlabelled) for part in made))
    entry.write(
        {"fingerprint": tables.fingerprint, "featurisers": _hash(packed), "made": plain},
        {**arrays, "featurisers": np.frombuffer(packed, np.uint8)},
    )
    return tables, packed


def _key(validated: ValidatedSetup, features: Features) -> str:
    """Hash of all that the features depend on."""
    libraries = (np.__version__, version("scipy"), version("scikit-learn"), pa.__version__, platform.python_version())
    folder = folder_of(features)
    pretrained = None if folder is None else folder.content
    return _hash(repr((content_hash(validated), features, pretrained, VERSION, _ENTRY, libraries)).encode())


_ENTRY = 4
"""Counts the changes of what an entry holds."""


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _groups(validated: ValidatedSetup) -> list[list[ValidatedTask]]:
    """The tasks that read the same tables, together: they share their features."""
    groups: dict[int, list[ValidatedTask]] = {}
    for task in validated.tasks:
        groups.setdefault(id(task.splits["train"].inputs), []).append(task)
    return list(groups.values())


def _make(validated: ValidatedSetup, features: Features) -> tuple[list[Made], bytes]:
    """Layout and inputs of each group of tasks, and their featurisers, packed."""
    groups = _groups(validated)
    fitted = _fit(validated, groups, features)
    made = [
        Made(
            featuriser.layout,
            (train, *(featuriser.transform(tasks[0].splits[split].inputs) for split in SPLITS if split != "train")),
            tuple(featuriser.transform(table) for table in unlabelled_tables(tasks)),
        )
        for tasks, (featuriser, train) in zip(groups, fitted, strict=True)
    ]
    return made, pack_featurisers(_by_task(groups, fitted))


def _by_task(
    groups: Sequence[Sequence[ValidatedTask]], fitted: Sequence[tuple[Featuriser, Inputs[Array]]]
) -> dict[str, Featuriser]:
    """The featuriser of each task."""
    return {task.task.name: featuriser for tasks, (featuriser, _) in zip(groups, fitted, strict=True) for task in tasks}


def _fit(
    validated: ValidatedSetup, groups: Sequence[Sequence[ValidatedTask]], features: Features
) -> Sequence[tuple[Featuriser, Inputs[Array]]]:
    """The featuriser of each group of tasks, and the inputs of its train table."""
    raise_all(f"setup {validated.manifest.name}", list(misfits(validated, features)))
    trains = [(tasks[0].spec, tasks[0].splits["train"].inputs) for tasks in groups]
    return fit(trains, features, tags=[_tags(tasks) for tasks in groups])


def _tags(tasks: Sequence[ValidatedTask]) -> TextTags:
    tagging = {kind_of(task.task).per_token for task in tasks}
    return "some" if len(tagging) > 1 else "all" if tagging == {True} else "none"


def _setup_tables(validated: ValidatedSetup, features: Features, made: Sequence[Made]) -> SetupTables[Array]:
    groups, folder = _groups(validated), folder_of(features)
    placed = zip(groups, place(groups, made), strict=True)
    by_task = {task.task.name: part for tasks, part in placed for task in tasks}
    shared = validated.manifest.shares_rows
    tasks = tuple(_tables(task, by_task[task.task.name], shares_rows=shared) for task in validated.tasks)
    encoder = "encoder.text" if isinstance(features, MixedFeatures) else "encoder"
    cut = (_said_cut(of[0].task.name, part.splits, encoder=encoder) for of, part in zip(groups, made, strict=True))
    found = _fingerprint(validated, features, tasks)
    return SetupTables(
        validated.manifest.name,
        tasks if folder is None else tuple(replace(each, pretrained=folder.weights) for each in tasks),
        fingerprint=found if folder is None else _hash(f"{found} {folder.content}".encode()),
        shares_rows=shared,
        warnings=(*validated.warnings, *(said for each in cut for said in each)),
    )


def _said_cut(task: str, inputs: Sequence[Inputs[Array]], *, encoder: str) -> Iterator[str]:
    """What a reader should know of rows that were longer than an encoder's sequences, by split."""
    for split, made in zip(SPLITS, inputs, strict=True):
        texts = text_of(made)
        sides = (texts.left, texts.right) if isinstance(texts, Pair) else (texts,)
        cut = sum(side.cut for side in sides if isinstance(side, Pieces))
        if cut:
            yield f"{task}: {cut} texts of {split} are longer than {encoder}.max_length and were cut"


def _tables(task: ValidatedTask, placed: Placed, *, shares_rows: bool) -> TaskTables[Array]:
    examples = {
        split: Examples(
            made,
            np.ascontiguousarray(rows.labels),
            rows.row_ids + placed.start if split == "train" else rows.row_ids,
            token_offsets(task, split),
            rows.groups,
            None if rows.weights is None else rows.weights.astype(np.float32),
        )
        for (split, rows), made in zip(task.splits.items(), placed.splits, strict=True)
    }
    return TaskTables(
        task=task.task,
        layout=placed.layout,
        train=examples["train"],
        valid=examples["valid"],
        test=examples["test"],
        trivial_valid=trivial_metric(task, "valid"),
        trivial_test=trivial_metric(task, "test"),
        # a batch that all tasks share holds rows with some label alone
        unlabelled=None if shares_rows else placed.unlabelled_rows(task),
    )


def _fingerprint(validated: ValidatedSetup, features: Features, tasks: Sequence[TaskTables[Array]]) -> str:
    """Hash of the setup's name, its tasks, the request and every array; one that tasks share is read once."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((validated.manifest.name, tuple(validated.manifest.tasks.items()), features)).encode())
    places: dict[int, int] = {}
    for task in tasks:
        _update(digest, task, places)
    return digest.hexdigest()


def _update(digest: Any, value: Any, places: dict[int, int]) -> None:
    if isinstance(value, np.ndarray):
        is_new = id(value) not in places
        place = places.setdefault(id(value), len(places))
        digest.update(f"{place} {value.dtype}{value.shape}".encode())
        if is_new:
            digest.update(np.ascontiguousarray(value).data)
    elif is_dataclass(value):
        digest.update(type(value).__name__.encode())
        for part in fields(value):
            _update(digest, getattr(value, part.name), places)
    else:
        digest.update(repr(value).encode())
