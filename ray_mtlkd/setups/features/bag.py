"""Texts as hashed n-grams of words and of letters with TF-IDF weights.

Weights are ``(1 + ln tf) · (1 + ln((1 + n) / (1 + df)))``, divided by the row's L2 norm over the n-grams of that sort;
n and df count the texts of the task's train table. An n-gram that the train tables of the setup do not show is left
out: its embedding is never trained. Where they hold ``MANY_TEXTS`` or more, an n-gram that only one of them shows is
left out, too: a network would only learn that text by heart.

Letters say what a word that train never shows is made of.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from ray_mtlkd.data.features import SHORTEST_LETTERS, BagFeatures, Layout
from ray_mtlkd.data.inputs import Array, Bag
from ray_mtlkd.imports import Later
from ray_mtlkd.setups.features.words import PATTERN, Places, Words, hash_ngrams, split

_text = Later("sklearn.feature_extraction.text")
_sparsefuncs = Later("sklearn.utils.sparsefuncs_fast")

MANY_TEXTS = 1000
"""Train texts of a setup from which an n-gram must stand in two of them."""


@dataclass(frozen=True)
class WeightedNgrams:
    """A fitted weighting.

    Attributes:
        idf: Of each n-gram, those of words first, 0 where it is left out.
        features: What was asked for.
    """

    idf: NDArray[np.float64]
    features: BagFeatures

    @property
    def layout(self) -> Layout:
        """The shape of what is made."""
        return Layout(form="Bag", buckets=len(self.idf))

    def transform(self, found: Words) -> Bag[Array]:
        """Texts as weighted bags; a row depends on nothing but itself."""
        return self.weigh(count(found, self.features))

    def weigh(self, counts: Sequence[sparse.csr_matrix]) -> Bag[Array]:
        """What `count` found, as weighted bags."""
        parts = []
        for counted, idf in zip(counts, np.split(self.idf, len(counts)), strict=True):
            part = counted.copy()
            part.data = (1 + np.log(part.data)) * idf[part.indices]
            part.eliminate_zeros()
            _sparsefuncs.inplace_csr_row_normalize_l2(part)
            parts.append(part)
        weighted = sparse.hstack(parts, format="csr")
        return Bag(
            weighted.indices.astype(np.int64), weighted.data.astype(np.float32), weighted.indptr.astype(np.int64)
        )


def fit(tables: Sequence[Sequence[Words]], features: BagFeatures) -> list[tuple[WeightedNgrams, list[Bag[Array]]]]:
    """The weighting of each task, by its train table (the texts of every side), and that table's bags, side by side."""
    found = [[count(side, features) for side in sides] for sides in tables]
    counts = [sparse.vstack([sparse.hstack(parts) for parts in sides], format="csr") for sides in found]
    texts = sum(rows.shape[0] for rows in counts)
    shown = sum(np.bincount(rows.indices, minlength=rows.shape[1]) for rows in counts)
    is_kept = shown >= (2 if texts >= MANY_TEXTS else 1)
    fitted = [WeightedNgrams(_text.TfidfTransformer().fit(rows).idf_ * is_kept, features) for rows in counts]
    return [(weights, [weights.weigh(parts) for parts in sides]) for weights, sides in zip(fitted, found, strict=True)]


def count(found: Words, features: BagFeatures) -> list[sparse.csr_matrix]:
    """How often each hashed n-gram of words, and of letters, stands in each text, each [N, buckets]."""
    lower = found.lower()
    words = _count_words(split(lower, PATTERN), features)
    if not features.letters:
        return [words]
    return [words, count_letters(lower, shortest=SHORTEST_LETTERS, longest=features.letters, buckets=features.buckets)]


def count_letters(found: Words, *, shortest: int, longest: int, buckets: int) -> sparse.csr_matrix:
    """How often each hashed n-gram of letters stands in each text, [N, buckets]; none reaches beyond its word."""
    letters = _text.HashingVectorizer(
        analyzer="char_wb",
        ngram_range=(shortest, longest),
        n_features=buckets,
        alternate_sign=False,
        norm=None,
        lowercase=False,
    )
    # The empty word is there because scikit-learn refuses an empty list; it has no n-grams.
    counts = found.counts() @ letters.transform([*found.distinct, ""])[: len(found.distinct)]
    counts.sort_indices()
    return counts


def _count_words(words: Words, features: BagFeatures) -> sparse.csr_matrix:
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
    # 64 bits: the next length multiplies them by the number of words
    return _Ngrams(distinct, pairs.indices.to_numpy().astype(np.int64), starts)
