"""Model inputs as flat arrays: numpy while they travel (zero-copy from the object store), tensors while they train.

Every class holds a whole table or one batch of it; rows are always copied, so that nobody can write into a table that
other trials map. Rows of different lengths lie end to end, with ``offsets [N+1]``. On a GPU, row numbers and a table's
offsets stay with the host, which therefore knows the sizes of a batch without asking; a batch is all on the GPU.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from itertools import accumulate, pairwise
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ray_mtlkd.data.device import send
from ray_mtlkd.data.features import PARTS, InputPart

Array = NDArray[np.generic]
A = TypeVar("A", Array, Tensor)
Rows = Tensor | slice
"""Row numbers [B] int64 on the host, or rows that are neighbours."""


def neighbours(rows: Tensor) -> Rows:
    """Row numbers [B] as a slice where each is one more than the one before it: its rows need no look-up each."""
    first, last = int(rows[0]), int(rows[-1])
    if last - first + 1 != len(rows) or not torch.equal(rows, torch.arange(first, last + 1)):
        return rows
    return slice(first, last + 1)


def flat_index(offsets: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Positions of the elements of ragged ``rows``, row by row, and the offsets of the result.

    Args:
        offsets: [N+1] int64.
        rows: [B] int64.

    Returns:
        positions [sum of the rows' lengths], offsets [B+1].
    """
    # numpy repeats numbers faster than torch, and nothing here is ever on a GPU
    bounds, at = offsets.numpy(), rows.numpy()
    starts = bounds[at]
    lengths = bounds[at + 1] - starts
    taken = np.zeros(len(at) + 1, np.int64)
    np.cumsum(lengths, out=taken[1:])
    positions = np.repeat(starts - taken[:-1], lengths)
    positions += np.arange(len(positions))
    return torch.from_numpy(positions), torch.from_numpy(taken)


def _pick(array: Tensor, rows: Rows) -> Tensor:
    """The given rows, copied."""
    return array[rows].clone() if isinstance(rows, slice) else array.index_select(0, send(rows, array.device))


@dataclass(frozen=True)
class _Ragged:
    """Where the elements of several batches of ragged rows stand, how many each batch has, and its offsets [B+1]."""

    at: Rows
    lengths: list[int]
    offsets: list[Tensor]

    def pick(self, array: Tensor) -> Sequence[Tensor]:
        """The elements of each batch, copied."""
        return torch.split_with_sizes(_pick(array, self.at), self.lengths)


def _ragged(offsets: Tensor, rows: Rows, sizes: Sequence[int], device: torch.device) -> _Ragged:
    """Where elements of ragged rows stand, for batches of ``sizes`` rows whose offsets go to ``device``."""
    at: Rows
    if isinstance(rows, slice):  # elements of neighbours are neighbours
        kept = offsets[rows.start : rows.stop + 1]
        at, found = slice(int(kept[0]), int(kept[-1])), kept - kept[0]
    else:
        at, found = flat_index(offsets, rows)
    ends = list(accumulate(sizes, initial=0))
    starts = found[ends].tolist()
    return _Ragged(
        at,
        [stop - start for start, stop in pairwise(starts)],
        [send(found[a : b + 1] - start, device) for (a, b), start in zip(pairwise(ends), starts, strict=False)],
    )


@dataclass(frozen=True)
class Dense(Generic[A]):
    """Numeric and categorical columns: values [N, D] float32, codes [N, C] int64 (0 = unseen in train)."""

    values: A
    codes: A

    def batches(self: "Dense[Tensor]", rows: Rows, sizes: Sequence[int]) -> "Sequence[Dense[Tensor]]":
        """The rows in batches of ``sizes``, copied."""
        columns = (torch.split_with_sizes(_pick(each, rows), sizes) for each in (self.values, self.codes))
        return list(map(Dense, *columns))


@dataclass(frozen=True)
class DenseTokens(Generic[A]):
    """A sequence of numeric vectors a row: values [tokens, D] float32, offsets [N+1] int64."""

    values: A
    offsets: A

    def batches(self: "DenseTokens[Tensor]", rows: Rows, sizes: Sequence[int]) -> "Sequence[DenseTokens[Tensor]]":
        """The rows in batches of ``sizes``, copied."""
        found = _ragged(self.offsets, rows, sizes, self.values.device)
        return list(map(DenseTokens, found.pick(self.values), found.offsets))


@dataclass(frozen=True)
class Bag(Generic[A]):
    """Hashed n-grams with TF-IDF weights: ids [nnz] int64, weights [nnz] float32, offsets [N+1] int64."""

    ids: A
    weights: A
    offsets: A

    def batches(self: "Bag[Tensor]", rows: Rows, sizes: Sequence[int]) -> "Sequence[Bag[Tensor]]":
        """The rows in batches of ``sizes``, copied."""
        found = _ragged(self.offsets, rows, sizes, self.ids.device)
        return list(map(Bag, found.pick(self.ids), found.pick(self.weights), found.offsets))


@dataclass(frozen=True)
class Tokens(Generic[A]):
    """Hashed words in order: ids [tokens, W] int64 (W hashes a word: itself, affixes, shape), offsets [N+1] int64.

    Where it was asked for, the rows' n-grams stand beside them as a bag.
    """

    ids: A
    offsets: A
    bag: Bag[A] | None = None

    def batches(self: "Tokens[Tensor]", rows: Rows, sizes: Sequence[int]) -> "Sequence[Tokens[Tensor]]":
        """The rows in batches of ``sizes``, copied."""
        found = _ragged(self.offsets, rows, sizes, self.ids.device)
        bags = [None] * len(sizes) if self.bag is None else self.bag.batches(rows, sizes)
        return list(map(Tokens, found.pick(self.ids), found.offsets, bags))


@dataclass(frozen=True)
class FirstPieces(Generic[A]):
    """Where the first piece of each word stands in its row: places [words] int32, -1 where it has none; offsets [N+1].

    A word has none where it was beyond the longest sequence, or where the tokenizer makes nothing of it.
    """

    places: A
    offsets: A

    def batches(self: "FirstPieces[Tensor]", rows: Rows, sizes: Sequence[int]) -> "Sequence[FirstPieces[Tensor]]":
        """The rows in batches of ``sizes``, copied."""
        found = _ragged(self.offsets, rows, sizes, self.places.device)
        return list(map(FirstPieces, found.pick(self.places), found.offsets))


@dataclass(frozen=True)
class Pieces(Generic[A]):
    """What a pretrained encoder's tokenizer makes of texts: ids [pieces] int32, offsets [N+1] int64.

    Attributes:
        ids: None where states stand in their place.
        types: Of a pair in one sequence, whether a piece is of its second text [pieces] int8; None where none is.
        words: Of rows that are lists of words.
        states: What those layers make of the pieces that do not train, computed before [pieces, W] float16 or float32.
            Where no layer trains, each row, or each word that is tagged, is one piece, whose state is its
            representation.
        cut: Rows of a whole table that were longer than the longest sequence.
    """

    ids: A | None
    offsets: A
    types: A | None = None
    words: FirstPieces[A] | None = None
    states: A | None = None
    cut: int = 0

    def batches(self: "Pieces[Tensor]", rows: Rows, sizes: Sequence[int]) -> "Sequence[Pieces[Tensor]]":
        """The rows in batches of ``sizes``, copied."""
        (device,) = {each.device for each in (self.ids, self.states) if each is not None}
        found = _ragged(self.offsets, rows, sizes, device)
        nothing = [None] * len(sizes)
        ids, types, states = (
            nothing if each is None else found.pick(each) for each in (self.ids, self.types, self.states)
        )
        words = nothing if self.words is None else self.words.batches(rows, sizes)
        return list(map(Pieces, ids, found.offsets, types, words, states))


@dataclass(frozen=True)
class Pair(Generic[A]):
    """Two texts and how far they overlap: overlap [N, K] float32."""

    left: Bag[A] | Tokens[A] | Pieces[A]
    right: Bag[A] | Tokens[A] | Pieces[A]
    overlap: A

    def batches(self: "Pair[Tensor]", rows: Rows, sizes: Sequence[int]) -> "Sequence[Pair[Tensor]]":
        """The rows in batches of ``sizes``, copied."""
        sides = (side.batches(rows, sizes) for side in (self.left, self.right))
        return list(map(Pair, *sides, torch.split_with_sizes(_pick(self.overlap, rows), sizes)))


Text = Bag[A] | Tokens[A] | Pieces[A] | Pair[A]


@dataclass(frozen=True)
class Mixed(Generic[A]):
    """Inputs of several sorts, which an encoder each reads: the same rows in each; of some tasks it is one sort alone.

    Attributes:
        text: What texts, pairs or lists of words became; None where rows have none.
        columns: Likewise numbers and categories.
        vector: Likewise a vector, or one a token.
    """

    text: Text[A] | None = None
    columns: Dense[A] | None = None
    vector: Dense[A] | DenseTokens[A] | None = None

    def by_part(self) -> "dict[InputPart, Dense[A] | DenseTokens[A] | Text[A]]":
        """The sorts that there are."""
        found = {part: getattr(self, part) for part in PARTS}
        return {part: inputs for part, inputs in found.items() if inputs is not None}

    def batches(self: "Mixed[Tensor]", rows: Rows, sizes: Sequence[int]) -> "Sequence[Mixed[Tensor]]":
        """The rows in batches of ``sizes``, copied."""
        nothing = [None] * len(sizes)
        parts = (self.text, self.columns, self.vector)
        return list(map(Mixed, *(nothing if part is None else part.batches(rows, sizes) for part in parts)))


Inputs = Dense[A] | DenseTokens[A] | Text[A] | Mixed[A]


def text_of(inputs: Inputs[A]) -> Text[A] | None:
    """The texts of some rows; None where they have none."""
    if isinstance(inputs, Mixed):
        return inputs.text
    return None if isinstance(inputs, Dense | DenseTokens) else inputs


def token_offsets(inputs: Inputs[A]) -> A | None:
    """Where each row's tokens begin, of which an encoder gives one representation each [N+1]; None without tokens."""
    if isinstance(inputs, Mixed):
        tokens = inputs.vector if inputs.text is None else inputs.text
        return None if tokens is None else token_offsets(tokens)
    if isinstance(inputs, Pieces):
        return None if inputs.words is None else inputs.words.offsets
    return inputs.offsets if isinstance(inputs, Tokens | DenseTokens) else None


def take(table: Inputs[Tensor], rows: Rows) -> Inputs[Tensor]:
    """The given rows, copied."""
    count = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
    (found,) = table.batches(rows, [count])
    return found


def structure(table: Any) -> Hashable:
    """What classes and fields a table consists of: those of one layout may lack one, as a text lacks a pair's types."""
    own = ((part.name, getattr(table, part.name)) for part in fields(table))
    return type(table), tuple(
        (name, structure(value) if is_dataclass(value) else value is not None) for name, value in own
    )


def end_to_end(tables: Sequence[Inputs[Array]]) -> Inputs[Array]:
    """Tables of one layout and structure as one, their rows one below the other; of one table, the table itself."""
    if len(tables) == 1:
        return tables[0]
    joined: Inputs[Array] = _joined("", tables)
    return joined


def _joined(name: str, parts: Sequence[Any]) -> Any:
    """A field of several tables, or the tables themselves."""
    first = parts[0]
    if first is None:
        return None
    if is_dataclass(first):
        form: Callable[..., Any] = type(first)
        return form(
            **{each.name: _joined(each.name, [getattr(part, each.name) for part in parts]) for each in fields(first)}
        )
    if isinstance(first, int):
        return sum(parts)
    if name == "offsets":
        starts = accumulate((int(each[-1]) for each in parts[:-1]), initial=0)
        return np.concatenate([first[:1], *(each[1:] + start for each, start in zip(parts, starts, strict=True))])
    return np.concatenate(parts)
