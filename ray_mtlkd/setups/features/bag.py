"""Texts as hashed word n-grams with TF-IDF weights.

Weights are ``(1 + ln tf) · (1 + ln((1 + n) / (1 + df)))``, divided by the row's L2 norm; n and df count the texts of
the task's train table. An n-gram that no train table of the setup shows is left out: its embedding is never trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.utils.sparsefuncs_fast import inplace_csr_row_normalize_l2

from ray_mtlkd.setups.features.words import PATTERN, Places, Words, hash_ngrams, split
from ray_mtlkd.tasks.inputs import Array, Bag, BagFeatures, Layout


@dataclass(frozen=True)
class WeightedNgrams:
    """A fitted weighting.

    Attributes:
        idf: Of each n-gram [buckets], 0 where no train table of the setup shows it.
        longest: Words of the longest n-gram.
    """

    idf: NDArray[np.float64]
    longest: int

    @property
    def layout(self) -> Layout:
        """The shape of what is made."""
        return Layout(form="Bag", buckets=len(self.idf))

    def transform(self, found: Words) -> Bag[Array]:
        """Texts as weighted bags; a row depends on nothing but itself."""
        weighted = count(found, BagFeatures(buckets=len(self.idf), ngrams=self.longest))
        weighted.data = (1 + np.log(weighted.data)) * self.idf[weighted.indices]
        weighted.eliminate_zeros()
        inplace_csr_row_normalize_l2(weighted)
        return Bag(
            weighted.indices.astype(np.int64), weighted.data.astype(np.float32), weighted.indptr.astype(np.int64)
        )


def fit(tables: Sequence[Sequence[Words]], features: BagFeatures) -> list[WeightedNgrams]:
    """The weighting of each task, by its train table: the texts of every side."""
    counts = [sparse.vstack([count(side, features) for side in sides], format="csr") for sides in tables]
    shown = np.logical_or.reduce([np.bincount(rows.indices, minlength=features.buckets) > 0 for rows in counts])
    return [WeightedNgrams(TfidfTransformer().fit(rows).idf_ * shown, features.ngrams) for rows in counts]


def count(found: Words, features: BagFeatures) -> sparse.csr_matrix:
    """How often each hashed n-gram stands in each text, [N, buckets]."""
    words = split(found, PATTERN).lower()
    rows = words.rows()
    left = words.offsets[rows + 1] - np.arange(len(rows))
    grams = _Ngrams(words.distinct, words.codes, np.arange(len(rows)))
    ids, places = [], []
    for length in range(1, features.ngrams + 1):
        if length > 1:
            grams = _longer(grams, words, left >= length, length)
        ids.append(hash_ngrams(grams.distinct, features.buckets)[grams.codes])
        places.append(rows[grams.starts])
    at = (np.concatenate(places), np.concatenate(ids))
    counts = sparse.csr_matrix((np.ones(len(at[0])), at), shape=(len(words.offsets) - 1, features.buckets))
    counts.sort_indices()
    return counts


@dataclass(frozen=True)
class _Ngrams:
    """All n-grams of one length: the distinct ones, which of them each is, and the place of its first word."""

    distinct: Sequence[str]
    codes: Places
    starts: Places


def _longer(grams: _Ngrams, words: Words, whole: NDArray[np.bool_], length: int) -> _Ngrams:
    """The n-grams with one word more, where the text has one: ``whole`` by first word."""
    kept = whole[grams.starts]
    starts = grams.starts[kept]
    pairs = pa.array(grams.codes[kept] * len(words.distinct) + words.codes[starts + length - 1]).dictionary_encode()
    begins, lasts = np.divmod(pairs.dictionary.to_numpy(), len(words.distinct))
    parts = zip(begins.tolist(), lasts.tolist(), strict=True)
    distinct = [f"{grams.distinct[begin]} {words.distinct[last]}" for begin, last in parts]
    return _Ngrams(distinct, pairs.indices.to_numpy(), starts)
