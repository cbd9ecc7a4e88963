"""Texts as hashed word n-grams with TF-IDF weights.

Weights are ``(1 + ln tf) · (1 + ln((1 + n) / (1 + df)))``, divided by the row's L2 norm; n and df count the texts of
the task's train table. An n-gram that no train table of the setup shows is left out: its embedding is never trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

from ray_mtlkd.setups.features.words import PATTERN
from ray_mtlkd.tasks.inputs import Array, Bag, BagFeatures

Known = NDArray[np.bool_]


@dataclass(frozen=True)
class Weights:
    """A fitted weighting: n-grams of ``known [buckets]`` count, ``idf`` was fitted on train."""

    known: Known
    idf: TfidfTransformer

    def bag(self, counts: sparse.csr_matrix) -> Bag[Array]:
        """Rows of n-gram counts as a weighted bag; a row depends on nothing but itself."""
        kept = counts.copy()
        kept.data *= self.known[kept.indices]
        kept.eliminate_zeros()
        weighted = self.idf.transform(kept)
        return Bag(
            weighted.indices.astype(np.int64), weighted.data.astype(np.float32), weighted.indptr.astype(np.int64)
        )


def count(texts: Sequence[str], features: BagFeatures) -> sparse.csr_matrix:
    """How often each hashed n-gram stands in each text, [N, buckets]."""
    vectorizer = HashingVectorizer(
        n_features=features.buckets,
        ngram_range=(1, features.ngrams),
        token_pattern=PATTERN,
        alternate_sign=False,
        norm=None,
    )
    counts = vectorizer.transform(texts)
    counts.sort_indices()
    return counts


def shown(counts: sparse.csr_matrix) -> Known:
    """Which buckets occur at all, [buckets]."""
    return np.bincount(counts.indices, minlength=counts.shape[1]) > 0


def fit(counts: sparse.csr_matrix, known: Known) -> Weights:
    """The weighting of a task whose train table (both sides of a pair, one below the other) has these counts."""
    return Weights(known, TfidfTransformer(sublinear_tf=True).fit(counts))
