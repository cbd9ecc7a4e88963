"""What a word is, for every feature that reads text, and hashes that are the same in every process."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from ray_mtlkd.imports import Later

_sklearn = Later("sklearn.utils")

PATTERN = re.compile(r"\w+(?:'\w+)?|[^\w\s]")
"""Words (with their apostrophe) and single signs."""

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Words:
    """The words of N texts, end to end.

    Attributes:
        distinct: Every word that occurs, once [V].
        codes: Places of the words in ``distinct`` [words].
        offsets: Where each text begins [N+1].
    """

    distinct: Sequence[str]
    codes: Places
    offsets: Places

    def rows(self) -> Places:
        """The text that each word stands in, [words]."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def lower(self) -> "Words":
        """The same words in lower case."""
        folded = pa.array((word.lower() for word in self.distinct), pa.large_string()).dictionary_encode()
        return Words(folded.dictionary.to_pylist(), _places(folded.indices)[self.codes], self.offsets)

    def counts(self) -> sparse.csr_matrix:
        """How often each word stands in each text, [N, V]."""
        shape = (len(self.offsets) - 1, len(self.distinct))
        counted = sparse.csr_matrix((np.ones(len(self.codes)), self.codes, self.offsets), shape=shape)
        counted.sum_duplicates()
        return counted


def listed(lists: pa.Array) -> Words:
    """A column of lists of words."""
    words = lists.flatten().dictionary_encode()
    return Words(words.dictionary.to_pylist(), _places(words.indices), ends(pc.list_value_length(lists).to_numpy()))


def runs(texts: pa.Array) -> Words:
    """Texts cut at white space alone: what no pattern of words crosses, and therefore reads once each."""
    return listed(pc.ascii_split_whitespace(texts))


def split(found: Words, pattern: re.Pattern[str]) -> Words:
    """What a pattern finds in each run of a text, in order."""
    inside = [pattern.findall(run) for run in found.distinct]
    words = pa.array(chain.from_iterable(inside), pa.large_string()).dictionary_encode()
    starts = ends(np.array([len(run) for run in inside], np.int64))
    lengths = np.diff(starts)[found.codes]
    codes = _places(words.indices)[spans(starts[found.codes], lengths)]
    return Words(words.dictionary.to_pylist(), codes, ends(lengths)[found.offsets])


def ends(lengths: NDArray[np.integer]) -> Places:
    """Offsets [N+1] of rows of these lengths [N] that lie end to end."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def spans(starts: Places, lengths: Places) -> Places:
    """Places ``start, …, start + length - 1`` of every row, end to end."""
    offsets = ends(lengths)
    return np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])


def bucket(key: str, buckets: int) -> int:
    """The place of a key in a hash table, in [0, buckets): MurmurHash3 of its UTF-8 bytes."""
    return int(_sklearn.murmurhash3_32(key.encode(), seed=0, positive=True)) % buckets


def hash_ngrams(ngrams: Sequence[str], buckets: int) -> Places:
    """The places that scikit-learn's ``HashingVectorizer`` gives these n-grams, each in [0, buckets)."""
    return np.abs(np.array([_sklearn.murmurhash3_32(ngram) for ngram in ngrams], np.int64)) % buckets


def _places(indices: pa.Array) -> Places:
    places: Places = indices.to_numpy().astype(np.int64)
    return places
