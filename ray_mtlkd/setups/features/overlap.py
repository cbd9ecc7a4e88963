"""How far the two texts of a pair overlap: what a shared encoder alone does not see, and a matching task needs."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ray_mtlkd.data.inputs import Array
from ray_mtlkd.imports import Later
from ray_mtlkd.setups.features.bag import count_letters
from ray_mtlkd.setups.features.words import Words, hash_ngrams, split

_preprocessing = Later("sklearn.preprocessing")
_sparsefuncs = Later("sklearn.utils.sparsefuncs_fast")
_text = Later("sklearn.feature_extraction.text")

BUCKETS = 2**18
"""Hash table of the overlap features: so large that two words of a pair hardly ever meet in one bucket."""

NAMES = (
    "weighted share of left in right",
    "weighted share of right in left",
    "jaccard",
    "share of left's numbers and codes in right",
    "share of right's numbers and codes in left",
    "both have numbers or codes",
    "character trigram cosine",
    "length ratio",
)
"""The columns, each in [0, 1] before it is standardised on train."""

_WORD = re.compile(r"\w+(?:[-./]\w+)*")
_CODE = re.compile(r"(?<![\w./-])(?=[\w./-]*\d)\w+(?:[-./]\w+)*")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Overlap:
    """A fitted comparison of two texts.

    Attributes:
        idf: Weight of each hashed word [BUCKETS]: its idf over the texts of train, both sides.
        mean: Of each column of ``NAMES`` in train [K].
        deviation: Likewise, 1 for a constant column.
    """

    idf: Floats
    mean: Floats
    deviation: Floats

    def transform(self, left: Words, right: Words) -> Array:
        """The columns, [N, K] float32, standardised; a row depends on nothing but itself."""
        return self.standardise(_measure(_Side.of(left), _Side.of(right), self.idf))

    def standardise(self, measured: Floats) -> Array:
        """The columns as they were measured, [N, K], in deviations from the mean of train."""
        return ((measured - self.mean) / self.deviation).astype(np.float32)


def fit(left: Words, right: Words) -> tuple[Overlap, Array]:
    """The comparison of a task whose train table has these pairs, and the columns of that table."""
    sides = _Side.of(left), _Side.of(right)
    idf = _text.TfidfTransformer().fit(sparse.vstack([side.words for side in sides])).idf_
    measured = _measure(*sides, idf)
    scaler = _preprocessing.StandardScaler().fit(measured)
    fitted = Overlap(idf, scaler.mean_, scaler.scale_)
    return fitted, fitted.standardise(measured)


@dataclass(frozen=True)
class _Side:
    """What is compared of N texts, each [N, BUCKETS]: which words and codes they have, their trigrams (L2-normed)."""

    words: sparse.csr_matrix
    codes: sparse.csr_matrix
    trigrams: sparse.csr_matrix

    @staticmethod
    def of(found: Words) -> "_Side":
        lower = found.lower()
        return _Side(_presence(lower, _WORD), _presence(lower, _CODE), _trigrams(lower))


def _presence(found: Words, pattern: re.Pattern[str]) -> sparse.csr_matrix:
    words = split(found, pattern)
    places = hash_ngrams(words.distinct, BUCKETS)[words.codes]
    shape = (len(words.offsets) - 1, BUCKETS)
    present = sparse.csr_matrix((np.ones(len(places)), places, words.offsets), shape=shape)
    present.sum_duplicates()
    present.data[:] = 1
    return present


def _trigrams(found: Words) -> sparse.csr_matrix:
    counted = count_letters(found, shortest=3, longest=3, buckets=BUCKETS)
    _sparsefuncs.inplace_csr_row_normalize_l2(counted)
    return counted


def _measure(left: _Side, right: _Side, idf: Floats) -> Floats:
    """The columns of ``NAMES``, [N, K]."""
    both = left.words.multiply(right.words).tocsr()
    n_left, n_right, n_both = (_sums(part) for part in (left.words, right.words, both))
    codes_both = _sums(left.codes.multiply(right.codes).tocsr())
    m_left, m_right = _sums(left.codes), _sums(right.codes)
    return np.column_stack(
        [
            _ratio(both @ idf, left.words @ idf),
            _ratio(both @ idf, right.words @ idf),
            _ratio(n_both, n_left + n_right - n_both),
            _ratio(codes_both, m_left),
            _ratio(codes_both, m_right),
            (m_left > 0) & (m_right > 0),
            _sums(left.trigrams.multiply(right.trigrams).tocsr()),
            _ratio(np.minimum(n_left, n_right), np.maximum(n_left, n_right)),
        ]
    )


def _sums(rows: sparse.csr_matrix) -> Floats:
    total: Floats = np.asarray(rows.sum(axis=1)).ravel()
    return total


def _ratio(part: Floats, whole: Floats) -> Floats:
    """``part / whole``, 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
