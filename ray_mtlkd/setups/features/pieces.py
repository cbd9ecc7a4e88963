"""Texts as pieces of words, cut by a pretrained encoder's own tokenizer."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ray_mtlkd.data.features import Layout, PieceFeatures
from ray_mtlkd.data.inputs import Array, FirstPieces, Inputs, Pair, Pieces
from ray_mtlkd.data.pretrained import FAMILIES
from ray_mtlkd.errors import MtlkdError, first_line
from ray_mtlkd.imports import Later
from ray_mtlkd.setups.columns import ColumnRule
from ray_mtlkd.setups.features import overlap
from ray_mtlkd.setups.features.overlap import Overlap
from ray_mtlkd.setups.features.text import TextColumns, text_columns
from ray_mtlkd.setups.features.words import Words, ends
from ray_mtlkd.setups.manifest import TaskSpec
from ray_mtlkd.setups.pretrained import INSTALL, PretrainedFolder
from ray_mtlkd.setups.unseen import Unseen

_tokenizers = Later("tokenizers")

_ROWS = 8192
"""Rows that are tokenised at a time: what the tokenizer says of them takes many times the room of their pieces."""


@dataclass(frozen=True)
class PretrainedText:
    """How columns become pieces; nothing of it is fitted but how a pair's sides overlap.

    Attributes:
        columns: Where the texts stand.
        tokenizer: As the `tokenizers` library writes it, in bytes.
        backbone: Configuration of the encoder, as JSON.
        max_length: Pieces kept of a row.
        overlap: Of a pair whose sides are sequences of their own.
    """

    columns: TextColumns
    tokenizer: NDArray[np.uint8]
    backbone: str
    max_length: int
    overlap: Overlap | None

    @property
    def rules(self) -> Mapping[str, ColumnRule]:
        """How each column is read."""
        return self.columns.rules

    @property
    def example(self) -> Mapping[str, object]:
        """A row of any words."""
        return self.columns.example

    @property
    def layout(self) -> Layout:
        """The shape of the inputs."""
        compared = None if self.overlap is None else len(overlap.NAMES)
        return Layout(form="Pieces", overlap=compared, backbone=self.backbone)

    def unseen(self, _columns: pa.Table) -> Mapping[str, Unseen]:
        """Nothing: texts have no categories."""
        return {}

    def transform(self, columns: pa.Table) -> Inputs[Array]:
        """Checked columns as inputs; a row depends on nothing but itself.

        Raises:
            MtlkdError: where the `tokenizers` library is not installed.
        """
        sides = self.columns.texts(columns)
        if self.overlap is None:
            return self._pieces(list(zip(*sides, strict=True)) if self.columns.is_pair else sides[0])
        compared = self.overlap.transform(*self.columns.read(columns))
        return Pair(self._pieces(sides[0]), self._pieces(sides[1]), compared)

    def _pieces(self, rows: Sequence[Any]) -> Pieces[Array]:
        """Rows of one sequence each: texts, pairs of them, or lists of words."""
        are_words = self.columns.sort == "tokens"
        tokenizer = _tokenizer(self.tokenizer.tobytes(), max_length=self.max_length, are_words=are_words)
        parts = [_Encoded.of(found) for found in _encoded(tokenizer, rows, are_words=are_words)]
        offsets = ends(np.concatenate([part.lengths for part in parts]))
        ids = np.concatenate([part.ids for part in parts])
        known_types = self._types
        types = np.concatenate([part.types for part in parts]) if known_types > 1 else None
        words = np.concatenate([part.words for part in parts])
        known = self._config["vocab_size"]
        if ids.max(initial=0) >= known:
            what, fix = f"piece {ids.max()} of an encoder that knows {known}", "copy the tokenizer that belongs to it"
            raise MtlkdError(what, where="tokenizer.json", fix=fix)
        if types is not None and types.max(initial=0) >= known_types:
            what, fix = f"text {types.max()} of an encoder of {known_types}", "copy the tokenizer that belongs to it"
            raise MtlkdError(what, where="tokenizer.json", fix=fix)
        first = _first_pieces(words, offsets, [len(row) for row in rows]) if are_words else None
        return Pieces(ids, offsets, types, first, cut=sum(part.cut for part in parts))

    @property
    def _types(self) -> int:
        """How many texts of one sequence the encoder tells apart; 0 where there is one, or it does not."""
        in_one = self.columns.is_pair and self.overlap is None
        has_types = FAMILIES[self._config["model_type"]].has_types
        return (self._config.get("type_vocab_size") or 0) if in_one and has_types else 0

    @property
    def _config(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.backbone)
        return found


def fit_pieces(
    tasks: Sequence[tuple[TaskSpec, pa.Table]], features: PieceFeatures, folder: PretrainedFolder
) -> list[tuple[PretrainedText, Inputs[Array]]]:
    """The featuriser of each task of a setup, and its train table's inputs."""
    tokenizer = np.frombuffer(folder.tokenizer, np.uint8)
    fitted = []
    for spec, train in tasks:
        columns = text_columns(spec)
        apart = columns.is_pair and not features.together
        comparison = overlap.fit(*_two(columns.read(train)))[0] if apart else None
        made = PretrainedText(columns, tokenizer, folder.config, features.max_length, comparison)
        fitted.append((made, made.transform(train)))
    return fitted


def _two(sides: Sequence[Words]) -> tuple[Words, Words]:
    left, right = sides
    return left, right


@dataclass(frozen=True)
class _Encoded:
    """Some rows: ids, types and words [pieces] (the place of each piece's word in its row, or -1), lengths [N]."""

    ids: NDArray[np.int32]
    types: NDArray[np.int8]
    words: NDArray[np.int32]
    lengths: NDArray[np.int64]
    cut: int

    @classmethod
    def of(cls, rows: Sequence[Any]) -> "_Encoded":
        """What the tokenizer says."""
        words = [-1 if word is None else word for row in rows for word in row.word_ids]
        return cls(
            ids=np.array([at for row in rows for at in row.ids], np.int32),
            types=np.array([at for row in rows for at in row.type_ids], np.int8),
            words=np.array(words, np.int32),
            lengths=np.array([len(row.ids) for row in rows], np.int64),
            cut=sum(1 for row in rows if row.overflowing),
        )


def _encoded(tokenizer: Any, rows: Sequence[Any], *, are_words: bool) -> Iterator[Sequence[Any]]:
    """What the tokenizer says of the rows, some at a time; once of no rows."""
    for start in range(0, max(1, len(rows)), _ROWS):
        with _tokenizing():
            found = tokenizer.encode_batch(list(rows[start : start + _ROWS]), is_pretokenized=are_words)
        yield found


def _first_pieces(words: NDArray[np.int32], offsets: NDArray[np.int64], counts: Sequence[int]) -> FirstPieces[Array]:
    """Where each word's first piece stands, by the word that each piece is of [pieces], of rows of so many words."""
    ends_of_words = ends(np.array(counts, np.int64))
    row = np.repeat(np.arange(len(counts)), np.diff(offsets))
    place = np.arange(len(words)) - offsets[row]
    before = np.concatenate([[-1], words[:-1]])
    is_first = (words >= 0) & ((words != before) | (place == 0))
    places = np.full(ends_of_words[-1], -1, np.int32)
    places[ends_of_words[row[is_first]] + words[is_first]] = place[is_first]
    return FirstPieces(places, ends_of_words)


@lru_cache(maxsize=4)
def _tokenizer(content: bytes, *, max_length: int, are_words: bool) -> Any:
    with _tokenizing():
        written = json.loads(content)
        if are_words:
            _space_before(written.get("pre_tokenizer"))
        made = _tokenizers.Tokenizer.from_str(json.dumps(written))
        made.no_padding()
        made.enable_truncation(max_length)
    return made


@contextmanager
def _tokenizing() -> Iterator[None]:
    """What the tokenizer's library says of a damaged one in the body: bare exceptions, and panics.

    Raises:
        MtlkdError: instead; also where the library is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise MtlkdError("pretrained encoders need tokenizers", where="encoder", fix=INSTALL) from error
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        what = f"the encoder's tokenizer does not work ({first_line(error)[:200]})"
        raise MtlkdError(what, where="tokenizer.json", fix="copy the encoder's folder, or the model, again") from error


def _space_before(pre_tokenizer: dict[str, Any] | None) -> None:
    """Let each word that is given be read as a word inside a text, where the tokenizer tells these by their space."""
    for part in (pre_tokenizer, *(pre_tokenizer or {}).get("pretokenizers", ())):
        if part is not None and part.get("type") == "ByteLevel":
            part["add_prefix_space"] = True
