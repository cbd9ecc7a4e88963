"""Featurisers fitted on train tables, for whatever an encoder asks; and what cannot become what it asks."""

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from ray_mtlkd.data.features import (
    BagFeatures,
    DenseFeatures,
    Features,
    InputPart,
    MixedFeatures,
    OneSort,
    PieceFeatures,
    TokenFeatures,
)
from ray_mtlkd.data.inputs import Array, Inputs
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.features.dense import fit_columns, fit_token_vectors, fit_vectors
from ray_mtlkd.setups.features.featuriser import Featuriser
from ray_mtlkd.setups.features.mixed import MixedFeaturiser
from ray_mtlkd.setups.features.pieces import fit_pieces
from ray_mtlkd.setups.features.text import TextTags, fit_bags, fit_tokens
from ray_mtlkd.setups.manifest import PART_OF, Form, TaskSpec
from ray_mtlkd.setups.pretrained import PretrainedFolder, folder_of
from ray_mtlkd.setups.validated import ValidatedSetup, ValidatedTask
from ray_mtlkd.tasks.kinds import kind_of

Trains = Sequence[tuple[TaskSpec, pa.Table]]
Fitted = tuple[Featuriser, Inputs[Array]]
"""A featuriser, and its train table's inputs, which fitting makes on the way."""

_TEXTS: tuple[Form, ...] = ("text", "pair", "tokens")
READS: Mapping[type[OneSort], frozenset[Form]] = {
    DenseFeatures: frozenset({"columns", "vector", "token_vectors"}),
    BagFeatures: frozenset(_TEXTS),
    TokenFeatures: frozenset(_TEXTS),
    PieceFeatures: frozenset(_TEXTS),
}
"""Input forms that a request can be made from."""

_CALLED: Mapping[type[OneSort], str] = {
    DenseFeatures: "columns and vectors",
    BagFeatures: "texts and pairs",
    TokenFeatures: "texts, pairs and tokens",
    PieceFeatures: "texts, pairs and tokens",
}
"""What a user calls the inputs that an encoder asks for."""

_EXAMPLES: Mapping[InputPart, str] = {"text": "cnn", "columns": "mlp", "vector": "mlp"}
"""An encoder for each sort of inputs."""


def fit(trains: Trains, features: Features, *, tags: Sequence[TextTags]) -> Sequence[Fitted]:
    """The featuriser of each group of tasks that read the same table, and the inputs of its train table.

    Args:
        trains: Of each group, what its tasks read, and of which train table.
        features: What is asked for, which fits (`misfits`).
        tags: Which groups have tags.
    """
    folder = folder_of(features)
    if not isinstance(features, MixedFeatures):
        return _fit_one_sort(trains, features, tags=tags, folder=folder)
    parts: list[dict[InputPart, Fitted]] = [{} for _ in trains]
    for part, request in features.by_part().items():
        readers = [at for at, (spec, _) in enumerate(trains) if part in spec.parts]
        alone = [(spec.only(spec.parts[part]), train) for spec, train in (trains[at] for at in readers)]
        fitted = _fit_one_sort(alone, request, tags=[tags[at] for at in readers], folder=folder) if alone else ()
        for at, found in zip(readers, fitted, strict=True):
            parts[at][part] = found
    return [MixedFeaturiser.of(each) for each in parts]


def _fit_one_sort(
    trains: Trains, features: OneSort, *, tags: Sequence[TextTags], folder: PretrainedFolder | None
) -> Sequence[Fitted]:
    if isinstance(features, BagFeatures):
        return fit_bags(trains, features)
    if isinstance(features, TokenFeatures):
        return fit_tokens(trains, features, tags=tags)
    if isinstance(features, PieceFeatures) and folder is not None:
        return fit_pieces(trains, features, folder)
    assert isinstance(features, DenseFeatures)  # noqa: S101 - the last of the four
    fitted = [_fit_dense(spec, _alike(spec, train, trains), features) for spec, train in trains]
    return [(featuriser, featuriser.transform(train)) for featuriser, (_, train) in zip(fitted, trains, strict=True)]


def _alike(spec: TaskSpec, train: pa.Table, trains: Trains) -> pa.Table:
    """The train tables of all tasks with the same numbers and categories, one below the other.

    So that tasks with tables of their own read the same columns the same way, and share an input layer.
    """
    if spec.columns is None:
        return train
    names = list(spec.input_columns)
    return pa.concat_tables([table.select(names) for other, table in trains if other.columns == spec.columns])


def _fit_dense(spec: TaskSpec, train: pa.Table, features: DenseFeatures) -> Featuriser:
    if spec.columns is not None:
        return fit_columns(train, spec, features)
    return fit_vectors(train, spec) if spec.form == "vector" else fit_token_vectors(train, spec.input_columns[0])


def misfits(validated: ValidatedSetup, features: Features) -> Iterator[MtlkdError]:
    """What keeps a setup's inputs from becoming what an encoder asks for."""
    for task in validated.tasks:
        yield from _misfits(task, features)


def _misfits(task: ValidatedTask, features: Features) -> Iterator[MtlkdError]:
    where, forms = f"tasks.{task.task.name}", task.spec.forms
    if not isinstance(features, MixedFeatures):
        if len(forms) > 1:
            own = ", ".join(f"{PART_OF[form]}: {_EXAMPLES[PART_OF[form]]}" for form in forms)
            what = f"one encoder cannot read {' and '.join(forms)}"
            yield MtlkdError(what, where=where, fix=f"give each its own: `encoder: {{name: mixed, {own}}}`")
        else:
            yield from _misfits_of(task, forms[0], features, where=where)
        return
    requests = features.by_part()
    for part, form in task.spec.parts.items():
        if part in requests:
            yield from _misfits_of(task, form, requests[part], where=where)
        else:
            fix = f"add one to the encoder, such as `{part}: {_EXAMPLES[part]}`, or leave {form} out"
            yield MtlkdError(f"the mixed encoder has none for {form}", where=where, fix=fix)


def _misfits_of(task: ValidatedTask, form: Form, features: OneSort, *, where: str) -> Iterator[MtlkdError]:
    if form not in READS[type(features)]:
        able = "mlp" if form in READS[DenseFeatures] else "bag, cnn or transformer"
        what = f"the encoder reads {_CALLED[type(features)]}, not {form}"
        fix = (
            f"use {able}; where tasks read inputs of several sorts, an encoder for each: "
            "`encoder: {name: mixed, text: cnn, columns: mlp}`"
        )
        yield MtlkdError(what, where=where, fix=fix)
    elif kind_of(task.task).per_token and isinstance(features, BagFeatures):
        yield MtlkdError("a bag of words has no words to tag", where=where, fix="use cnn or transformer")
