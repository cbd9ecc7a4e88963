"""Vectors by a pretrained encoder, beside all columns of a data set: a plan, which needs no Ray, and one part's making.

The encoder's weights travel to those who compute, which need its folder no more than a sweep's trials do.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from ray_mtlkd import setups
from ray_mtlkd.data.features import Pooling, StateNumbers
from ray_mtlkd.data.inputs import Array, Pieces
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.hf.encoder import PretrainedEncoder
from ray_mtlkd.models.encoders.hf.states import HeldLayers, Unit
from ray_mtlkd.predict.dataset import source
from ray_mtlkd.predict.dataset.output import PartLayout
from ray_mtlkd.predict.dataset.paths import find
from ray_mtlkd.predict.dataset.rows import pieces
from ray_mtlkd.predict.dataset.source import DataSet, Part
from ray_mtlkd.predict.dataset.work import Work
from ray_mtlkd.setups.columns import ColumnRule
from ray_mtlkd.setups.features.pieces import PretrainedText
from ray_mtlkd.setups.features.text import TextColumns
from ray_mtlkd.setups.pretrained import PretrainedFolder, read_folder
from ray_mtlkd.storage import Storage, join_uri, reaching

ROWS_PER_PART = 8192
"""Rows of a part, unless told: a minute of work for a small encoder, and something to do for every core."""

_SAMPLED_ROWS = 1024

_MANIFEST = "_manifest.json"
"""Readers of folders of Parquet files leave out what begins with an underscore: the output is a data set for all."""


@dataclass(frozen=True, kw_only=True)
class VectorSettings:
    """What vectors are wanted.

    Attributes:
        of: The columns that are read: a text, a pair of them in one sequence, or lists of words, of which each has one.
        column: What the new column is called.
        pooling: How the pieces of a text become one vector.
        max_length: Pieces kept of a row, those included that the tokenizer adds.
        dtype: What they are stored in.
    """

    of: TextColumns
    column: str
    pooling: Pooling = "mean"
    max_length: int = 128
    dtype: StateNumbers = "float32"


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """An encoder makes vectors of rows."""

    encoder: PretrainedFolder
    settings: VectorSettings

    def begin(self, *, device: str) -> "Embedder":
        """The encoder, built.

        Raises:
            MtlkdError: where its weights do not fit its configuration, or `transformers` is not installed.
        """
        return Embedder(self, device=device)


class Embedder:
    """An encoder at work.

    Args:
        embedding: What is wanted.
        device: Where it computes.

    Attributes:
        rules: How each column is read.
        field: The column that it makes.
    """

    def __init__(self, embedding: Embedding, *, device: str) -> None:
        folder, settings = embedding.encoder, embedding.settings
        self._settings = settings
        tokenizer = np.frombuffer(folder.tokenizer, np.uint8)
        self._text = PretrainedText(settings.of, tokenizer, folder.config, settings.max_length, None)
        config = PretrainedEncoder(path=folder.weights.source, train="none", dropout=0.0)
        self._layers = HeldLayers.of(config, self._text.layout, folder.weights, pooling=settings.pooling, device=device)
        self.rules: Mapping[str, ColumnRule] = self._text.rules
        vector = pa.list_(pa.from_numpy_dtype(np.dtype(settings.dtype)), self._layers.width)
        self.field = pa.field(settings.column, pa.list_(vector) if self._is_per_word else vector, nullable=False)

    @property
    def _is_per_word(self) -> bool:
        return self._settings.of.sort == "tokens"

    def columns(self, table: pa.Table, *, first_row: int, where: str) -> list[pa.Array | pa.ChunkedArray]:  # noqa: ARG002
        """All columns of some rows, and their vectors behind.

        Raises:
            MtlkdError: where a column does not fit; ExceptionGroup of them, where several do not.
        """
        return [*table.columns, self._vectors(self.read(table, where=where), where=where)]

    def read(self, table: pa.Table, *, where: str) -> Pieces[Array]:
        """What the encoder's tokenizer makes of some rows.

        Raises:
            MtlkdError: where a column does not fit; ExceptionGroup of them, where several do not.
        """
        found = self._text.transform(setups.check_inputs(table, self.rules, where=where).columns)
        assert isinstance(found, Pieces)  # noqa: S101 - the texts of a pair are one sequence
        return found

    def _vectors(self, read: Pieces[Array], *, where: str) -> pa.Array:
        unit: Unit = "words" if self._is_per_word else "rows"
        with np.errstate(over="ignore"):
            states = self._layers.states(read, unit, np.dtype(self._settings.dtype))
        if not np.isfinite(states).all():
            fix = "leave --float16 out" if self._settings.dtype == "float16" else "look for odd weights in its folder"
            raise MtlkdError(f"a vector holds a number too large for {self._settings.dtype}", where=where, fix=fix)
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(states.reshape(-1)), self._layers.width)
        if read.words is None:
            return vectors
        return pa.ListArray.from_arrays(pa.array(read.words.offsets, pa.int32()), vectors)


def plan(*, encoder: str, data: str, out: str, settings: VectorSettings, rows_per_part: int = ROWS_PER_PART) -> Work:
    """What is to be done, after whatever is in the output folder already; nothing is written.

    Args:
        encoder: Folder of a pretrained encoder, on this machine.
        data: Parquet files: a folder, a file or a pattern.
        out: Folder of the output: an absolute path or a URI, as the data set is.
        settings: What vectors are wanted.
        rows_per_part: At most so many rows a part, rounded down to whole prediction batches.

    Raises:
        MtlkdError: the only problem; ExceptionGroup of them, where there are several.
    """
    folder = read_folder(encoder, max_length=settings.max_length, setting="--max-length")
    making = Embedding(encoder=folder, settings=settings)
    embedder = making.begin(device="cpu")
    with reaching(data):
        found = _survey(data, embedder.rules, settings)
    flat = [field.name for field in found.schema if not pa.types.is_nested(field.type)]
    layout = PartLayout.of(
        {"encoder": folder.content, **_about(settings)},
        schema=found.schema.append(embedder.field),
        parts=source.cut(found.files, rows_per_part=rows_per_part, where=data),
        noun="vectors",
        maker="encoder",
        stored={"use_dictionary": flat, "write_statistics": flat},
        manifest_file=_MANIFEST,
    )
    work = Work.left_of(making, source=found, layout=layout, out=out)
    return replace(work, warnings=_said_cut(embedder, work.left[0], found, settings)) if work.left else work


def _about(settings: VectorSettings) -> dict[str, Any]:
    """What decides the vector of any row, beside the encoder."""
    return {
        "reads": "pair" if settings.of.is_pair else settings.of.sort,
        "columns": list(settings.of.names),
        "column": settings.column,
        "pooling": settings.pooling,
        "max_length": settings.max_length,
        "dtype": settings.dtype,
    }


def _survey(data: str, rules: Mapping[str, ColumnRule], settings: VectorSettings) -> DataSet:
    """The data set's files, all of which have the same columns."""
    storage, names = find(data)
    found = source.survey(storage, names)
    for file, columns in found:
        setups.check_inputs(columns.empty_table(), rules, where=join_uri(storage.uri, file.name))
    schema = source.whole_schema(found, uri=storage.uri)
    if settings.column in schema.names:
        what, fix = f"the data set has a column {settings.column!r} already", "give another --column"
        raise MtlkdError(what, where=data, fix=fix)
    return DataSet(uri=storage.uri, files=tuple(file for file, _ in found), schema=schema)


def _said_cut(embedder: Embedder, part: Part, found: DataSet, settings: VectorSettings) -> tuple[str, ...]:
    """What a reader should know of rows that are longer than the encoder's sequences, by the first few."""
    with closing(pieces(Storage.at(found.uri), part, settings.of.names)) as tables:
        some = next(tables).slice(0, _SAMPLED_ROWS)
    where = join_uri(found.uri, part.file.name)
    cut = embedder.read(some, where=f"{where}[{part.start}:{part.start + some.num_rows}]").cut
    if not cut:
        return ()
    pieces_kept = f"--max-length {settings.max_length}"
    return (f"{where}: {cut} of {some.num_rows} rows looked at have more pieces than {pieces_kept} and are cut",)
