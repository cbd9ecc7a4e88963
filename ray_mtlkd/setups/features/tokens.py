"""Words in order, each as four hashes: the word in lower case, its first and last three letters, its shape."""

import re
from dataclasses import dataclass

import numpy as np

from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Array, Bag, Tokens
from ray_mtlkd.setups.features.bag import WeightedNgrams
from ray_mtlkd.setups.features.words import PATTERN, Words, bucket, ends, spans, split

WIDTH = 4
"""Hashes a word."""

SHAPE_LENGTH = 8
"""Signs kept of a word's outline."""

_DIGITS = re.compile(r"\d+")
_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class HashedWords:
    """How words become hashes; nothing of it is fitted.

    Attributes:
        buckets: Size of the hash table, which the four kinds of hash share.
        max_length: Words kept of a row; None keeps all.
        as_given: Whether a list's words are taken as they are, rather than split again.
        ngrams: Weighting of the n-grams that stand beside the words; None where they are not wanted.
    """

    buckets: int
    max_length: int | None
    as_given: bool = False
    ngrams: WeightedNgrams | None = None

    @property
    def layout(self) -> Layout:
        """The shape of what is made."""
        ngrams = 0 if self.ngrams is None else self.ngrams.layout.buckets
        return Layout(form="Tokens", width=WIDTH, buckets=self.buckets, ngrams=ngrams)

    def transform(self, found: Words) -> Tokens[Array]:
        """Rows of words as hashes; a row without words is read as one empty word, so that every row has a token."""
        return self.beside(found, None if self.ngrams is None else self.ngrams.transform(found))

    def beside(self, found: Words, bag: Bag[Array] | None) -> Tokens[Array]:
        """Rows of words as hashes, beside their bag."""
        words = found if self.as_given else split(found, PATTERN)
        table = np.array([hash_word(word, self.buckets) for word in (*words.distinct, "")], np.int64)
        lengths = np.minimum(
            np.diff(words.offsets), np.iinfo(np.int64).max if self.max_length is None else self.max_length
        )
        offsets = ends(np.maximum(lengths, 1))
        codes = np.full(offsets[-1], len(words.distinct))
        kept = np.repeat(lengths > 0, np.diff(offsets))
        codes[kept] = words.codes[spans(words.offsets[:-1], lengths)]
        return Tokens(table[codes], offsets, bag)


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
