"""How far the two texts of a pair overlap: what a shared encoder alone does not see, and a matching task needs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.preprocessing import StandardScaler

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

_WORD = r"\w+(?:[-./]\w+)*"
_CODE = r"(?<![\w./-])(?=[\w./-]*\d)\w+(?:[-./]\w+)*"

Floats = NDArray[np.float64]
Texts = Sequence[str]
Sides = tuple[Texts, Texts]


def overlap_features(train: Sides, others: Sequence[Sides]) -> list[NDArray[np.float32]]:
    """The overlap columns of train and of other tables, each [N, K] float32, standardised on train.

    A word's weight is its idf over the texts of train, both sides. A row depends on train and itself only.
    """
    words = _words(_WORD)
    idf = TfidfTransformer().fit(sparse.vstack([words.transform(side) for side in train])).idf_
    raw = [_measure(sides, idf) for sides in (train, *others)]
    scaler = StandardScaler().fit(raw[0])
    return [scaler.transform(table).astype(np.float32) for table in raw]


def _measure(sides: Sides, idf: Floats) -> Floats:
    """The columns of ``NAMES``, [N, K]."""
    left, right = (_words(_WORD).transform(side) for side in sides)
    both = left.multiply(right).tocsr()
    n_left, n_right, n_both = (_sums(part) for part in (left, right, both))
    codes_left, codes_right = (_words(_CODE).transform(side) for side in sides)
    codes_both = _sums(codes_left.multiply(codes_right).tocsr())
    m_left, m_right = _sums(codes_left), _sums(codes_right)
    characters = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 3), n_features=BUCKETS, alternate_sign=False)
    grams_left, grams_right = (characters.transform(side) for side in sides)
    return np.column_stack(
        [
            _ratio(both @ idf, left @ idf),
            _ratio(both @ idf, right @ idf),
            _ratio(n_both, n_left + n_right - n_both),
            _ratio(codes_both, m_left),
            _ratio(codes_both, m_right),
            (m_left > 0) & (m_right > 0),
            _sums(grams_left.multiply(grams_right).tocsr()),
            _ratio(np.minimum(n_left, n_right), np.maximum(n_left, n_right)),
        ]
    )


def _words(pattern: str) -> HashingVectorizer:
    return HashingVectorizer(n_features=BUCKETS, token_pattern=pattern, binary=True, alternate_sign=False, norm=None)


def _sums(rows: sparse.csr_matrix) -> Floats:
    total: Floats = np.asarray(rows.sum(axis=1)).ravel()
    return total


def _ratio(part: Floats, whole: Floats) -> Floats:
    """``part / whole``, 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
