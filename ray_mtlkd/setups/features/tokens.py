"""Words in order, each as four hashes: the word in lower case, its first and last three letters, its shape."""

import re
from collections.abc import Sequence
from itertools import chain

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ray_mtlkd.setups.features.words import bucket
from ray_mtlkd.tasks.inputs import Array, Tokens

WIDTH = 4
"""Hashes a word."""

SHAPE_LENGTH = 8
"""Signs kept of a word's outline."""

_DIGITS = re.compile(r"\d+")
_LETTERS = re.compile(r"[^\W\d_]+")


def hash_tokens(rows: Sequence[Sequence[str]], *, buckets: int, max_length: int | None) -> Tokens[Array]:
    """Rows of words as hashes.

    Args:
        rows: N lists of words; a row without words is read as one empty word, so that every row has a token.
        buckets: Size of the hash table, which the four kinds of hash share.
        max_length: Words kept of a row; None keeps all.
    """
    kept = [row[:max_length] or ("",) for row in rows]
    offsets = np.zeros(len(kept) + 1, np.int64)
    np.cumsum([len(row) for row in kept], out=offsets[1:])
    words = pa.array(chain.from_iterable(kept), pa.large_string()).dictionary_encode()
    table = np.array([hash_word(word, buckets) for word in words.dictionary.to_pylist()], np.int64)
    places: NDArray[np.int32] = words.indices.to_numpy()
    return Tokens(table.reshape(-1, WIDTH)[places], offsets)


def hash_word(word: str, buckets: int) -> tuple[int, int, int, int]:
    """The four hashes of one word, each in [0, buckets)."""
    lower = word.lower()
    keys = (f"w:{lower}", f"p:{lower[:3]}", f"s:{lower[-3:]}", f"x:{shape(word)}")
    first, second, third, fourth = (bucket(key, buckets) for key in keys)
    return first, second, third, fourth


def shape(word: str) -> str:
    """A word's outline: runs of capitals, small letters, digits and signs, e.g. ``"Xx-0"`` for ``"Wi-12"``."""
    return _LETTERS.sub(_outline, _DIGITS.sub("0", word))[:SHAPE_LENGTH]


def _outline(run: re.Match[str]) -> str:
    letters = run.group()
    if letters.islower():
        return "x"
    if letters.isupper():
        return "X"
    return "Xx" if letters[0].isupper() else "xX"
