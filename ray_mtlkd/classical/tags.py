"""A maximum-entropy Markov model for tagging (McCallum, Freitag, Pereira, ICML 2000), decoded by Viterbi.

One logistic regression gives p(tag | token, tag before); a row's tags are those of the likeliest path. Words are read
as a conditional random field usually reads them: the word, its affixes and shape, and its neighbours.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import log_softmax
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from ray_mtlkd.classical.rows import Rows, labelled, least_rows
from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.setups.features.tokens import shape
from ray_mtlkd.setups.trivial import token_offsets
from ray_mtlkd.setups.validated import ValidatedTask

Floats = NDArray[np.float64]
Offsets = NDArray[np.int64]

AFFIX = 4
"""Letters of the longest prefix and suffix."""
EDGE = "\N{SYMBOL FOR NULL}"
"""Stands before the first word and after the last."""


@dataclass(frozen=True, kw_only=True)
class Tagger:
    """A fitted model.

    Attributes:
        token: Scores a token's features: weights [D, K].
        bias: [K].
        before: What the tag before adds: [K + 1, K], the last row for the first token.
    """

    token: Floats
    bias: Floats
    before: Floats

    def tag(self, rows: Any, offsets: Offsets) -> NDArray[np.float32]:
        """The likeliest tags as outputs [tokens, K]: 1 for the tag, else 0."""
        alone = np.asarray(rows @ self.token) + self.bias
        path = likeliest(alone, self.before, offsets)
        return np.eye(len(self.bias), dtype=np.float32)[path]


def fit_taggers(rows: Any, tags: NDArray[np.int64], offsets: Offsets, strengths: Sequence[float]) -> Iterator[Tagger]:
    """A tagger for each inverse penalty, from tokens' features [tokens, D] and their tags [tokens]."""
    count = int(tags.max()) + 1
    previous = np.concatenate([[count], tags[:-1]])
    previous[offsets[:-1]] = count
    linked = sparse.hstack([sparse.csr_matrix(rows), sparse.eye(count + 1, format="csr")[previous]], format="csr")
    for strength in strengths:
        model = LogisticRegression(C=strength, tol=1e-3, max_iter=500).fit(linked, tags)
        weights, bias = model.coef_.T, model.intercept_
        if count == 2:  # noqa: PLR2004 - then scikit-learn scores the second tag against the first
            weights, bias = np.hstack([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
        yield Tagger(token=weights[: -count - 1], bias=bias, before=weights[-count - 1 :])


def likeliest(alone: Floats, before: Floats, offsets: Offsets) -> NDArray[np.int64]:
    """Viterbi's path of every row, end to end [tokens].

    Args:
        alone: Scores of each token's tags by its features [tokens, K].
        before: What the tag before adds to them [K + 1, K], the last row for the first token.
        offsets: Where each row's tokens begin [N + 1].
    """
    starts, lengths = offsets[:-1], np.diff(offsets)
    rows = np.arange(len(lengths))
    path = np.zeros(len(alone), np.int64)
    if not len(alone):
        return path
    best = np.zeros((len(lengths), before.shape[1]))
    came_from = []
    for at in range(int(lengths.max())):
        there = rows[lengths > at]
        scores = alone[starts[there] + at]
        if at == 0:
            best[there] = log_softmax(scores + before[-1], axis=1)
            continue
        steps = log_softmax(scores[:, None, :] + before[:-1], axis=2) + best[there][:, :, None]
        came_from.append((there, steps.argmax(axis=1)))
        best[there] = steps.max(axis=1)
    tag = best.argmax(axis=1)
    for at in range(int(lengths.max()) - 1, -1, -1):
        there = rows[lengths > at]
        path[starts[there] + at] = tag[there]
        if at:
            back, source = came_from[at - 1]
            tag[back] = source[np.arange(len(back)), tag[back]]
    return path


def word_features(task: ValidatedTask) -> Rows:
    """The features of every token of the labelled rows, 0 or 1 [tokens, D]; rare ones of large tables are left out."""
    names = {split: _names(task, split) for split in SPLITS}
    counter = CountVectorizer(
        analyzer=_as_is, binary=True, dtype=np.float32, min_df=least_rows(len(task.splits["train"].row_ids))
    )
    counter.fit(names["train"])
    return {split: counter.transform(found) for split, found in names.items()}


def offsets_of(task: ValidatedTask, split: Split) -> Offsets:
    """Where each labelled row's tokens begin."""
    offsets = token_offsets(task, split)
    if offsets is None:
        raise ValueError("not a tagging task")
    return offsets


def _as_is(names: list[str]) -> list[str]:
    return names


def _names(task: ValidatedTask, split: Split) -> list[list[str]]:
    """Names of the features of each token."""
    words = labelled(task, split)[task.spec.input_columns[0]].combine_chunks().flatten().to_pylist()
    return [
        features for start, end in pairwise(offsets_of(task, split)) for features in _row_features(words[start:end])
    ]


def _row_features(words: Sequence[str]) -> Iterator[list[str]]:
    lower = [EDGE, EDGE, *(word.lower() for word in words), EDGE, EDGE]
    shapes = [EDGE, *(shape(word) for word in words), EDGE]
    for at in range(len(words)):
        two_before, before, word, after, two_after = lower[at : at + 5]
        affixes = [
            name for size in range(1, AFFIX + 1) for name in (f"p{size}:{word[:size]}", f"s{size}:{word[-size:]}")
        ]
        yield [
            "any",
            f"w:{word}",
            f"w-1:{before}",
            f"w+1:{after}",
            f"w-2:{two_before}",
            f"w+2:{two_after}",
            f"w-1w:{before} {word}",
            f"ww+1:{word} {after}",
            f"s-1:{before[-3:]}",
            f"s+1:{after[-3:]}",
            f"x:{shapes[at + 1]}",
            f"x-1:{shapes[at]}",
            f"x+1:{shapes[at + 2]}",
            *affixes,
        ]
