"""Metrics of what is decided: a class a row, labels a row, or spans of a text."""

import numpy as np
from numpy.typing import NDArray

from ray_mtlkd.tasks.weighted.base import Numbers, WeightedMetric, Weights, mean_of_known, ratio, sums

Codes = NDArray[np.int64]


def accuracy(predicted: NDArray[np.generic], labels: NDArray[np.generic]) -> WeightedMetric:
    """Share of rows that are right."""
    return _share((predicted == labels).astype(np.float64))


def f1(predicted: Numbers, labels: Numbers) -> WeightedMetric:
    """F1 of all decisions [N] or [N, K] together; 1 where nothing is to be found and nothing was found."""
    counts = _counts(predicted.reshape(len(predicted), -1), labels.reshape(len(labels), -1)).sum(axis=2)
    return f1_of_counts(counts.T)


def f1_of_counts(counts: Numbers) -> WeightedMetric:
    """F1 of rows that hold several decisions: right, predicted and true ones of each [N, 3]."""

    def measure(weights: Weights) -> Numbers:
        right, predicted, true = sums(counts, weights)
        return ratio(2 * right, predicted + true, otherwise=1.0)

    return measure


def mean_f1(predicted: Numbers, labels: Numbers) -> WeightedMetric:
    """Mean F1 over the columns [N, K] in which something is to be found or was found; 1 where there is none."""
    counts = _counts(predicted, labels)

    def measure(weights: Weights) -> Numbers:
        right, found, true = (sums(part, weights) for part in counts)
        return mean_of_known(ratio(2 * right, found + true, otherwise=np.nan), otherwise=1.0)

    return measure


def one_hot(codes: Codes, classes: int) -> Numbers:
    """1 where a row is of a class [N, K]; nowhere for codes below 0."""
    found: Numbers = (codes[:, None] == np.arange(classes)).astype(np.float64)
    return found


def span_counts(predicted: Codes, labels: Codes, offsets: Codes, classes: tuple[str, ...]) -> Numbers:
    """Right, predicted and true spans of each text [N, 3], as seqeval finds them in BIO tags.

    A span begins at a B, or at an I after nothing or after another type, and goes on through the I of its type.
    Neighbouring tags unseen in train, coded -1, are one span that no prediction can match.
    """
    names = [*classes, "I-"]  # -1 is the last one, of a type that no class has
    kinds = {name: at for at, name in enumerate(dict.fromkeys(tag[2:] for tag in names if tag != "O"))}
    types = np.array([-1 if tag == "O" else kinds[tag[2:]] for tag in names])
    begins = np.array([tag.startswith("B-") for tag in names])
    text = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    ours, theirs = (_spans(types[codes], begins[codes], text) for codes in (predicted, labels))
    right = (ours >= 0) & (ours == theirs) & (types[predicted] == types[labels])
    counted = (right, ours >= 0, theirs >= 0)
    return np.stack([np.bincount(text, weights=each, minlength=len(offsets) - 1) for each in counted], axis=1)


def _spans(types: Codes, begins: NDArray[np.bool_], text: Codes) -> Codes:
    """Where the span ends that begins at a token, and -1 where none begins [tokens].

    Args:
        types: Of each token's tag, -1 outside of spans.
        begins: Whether the tag is a B.
        text: Number of each token's text.
    """
    inside = types >= 0
    breaks = np.concatenate([[True], (types[1:] != types[:-1]) | (text[1:] != text[:-1])]) | begins
    at = np.flatnonzero(breaks)
    ends = np.append(at[1:], len(types))
    found = np.full(len(types), -1)
    found[at] = np.where(inside[at], ends, -1)
    return found


def _counts(predicted: Numbers, labels: Numbers) -> Numbers:
    """Right, predicted and true ones [3, N, K]."""
    return np.stack([predicted * labels, predicted, labels])


def _share(right: Numbers) -> WeightedMetric:
    def measure(weights: Weights) -> Numbers:
        found: Numbers = right @ weights / weights.sum(axis=0)
        return found

    return measure
