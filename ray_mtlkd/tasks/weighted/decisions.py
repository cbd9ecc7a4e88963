"""Metrics of what is decided: a class a row, labels a row, or spans of a text."""

import numpy as np
from numpy.typing import NDArray

from ray_mtlkd.tasks.weighted.base import Gathering, Numbers, WeightedMetric, Weights, mean_of_known, ones, ratio

Codes = NDArray[np.int64]
Decided = NDArray[np.bool_]


def accuracy(predicted: NDArray[np.generic], labels: NDArray[np.generic]) -> WeightedMetric:
    """Share of rows that are right."""
    right = np.asarray(predicted == labels, np.float32)

    def measure(weights: Weights) -> Numbers:
        found: Numbers = (right @ weights).astype(np.float64) / weights.sum(axis=0)
        return found

    return measure


def f1(predicted: Decided, labels: Decided) -> WeightedMetric:
    """F1 of all decisions [N, K] together; 1 where nothing is to be found and nothing was found."""
    counts = [each.sum(axis=1) for each in (predicted & labels, predicted, labels)]
    return f1_of_counts(np.stack(counts, axis=1))


def f1_of_counts(counts: Codes) -> WeightedMetric:
    """F1 of rows that hold several decisions: right, predicted and true ones of each [N, 3]."""
    columns = np.asarray(counts.T, np.float32)

    def measure(weights: Weights) -> Numbers:
        right, predicted, true = (columns @ weights).astype(np.float64)
        return ratio(2 * right, predicted + true, otherwise=1.0)

    return measure


def mean_f1_of_labels(predicted: Decided, labels: Decided) -> WeightedMetric:
    """Mean F1 over the columns [N, K] in which something is to be found or was found; 1 where there is none."""
    return _mean_f1(ones(predicted & labels), ones(predicted), ones(labels))


def mean_f1_of_classes(predicted: Codes, labels: Codes, classes: int) -> WeightedMetric:
    """Likewise over classes, of which a row has one [N]; a code below 0 is of none."""

    def of(codes: Codes, at: NDArray[np.bool_]) -> Gathering:
        rows = np.flatnonzero(at)
        return Gathering(codes[rows], rows, count=classes, rows=len(codes))

    return _mean_f1(of(labels, predicted == labels), of(predicted, predicted >= 0), of(labels, labels >= 0))


def span_counts(predicted: Codes, labels: Codes, offsets: Codes, classes: tuple[str, ...]) -> Codes:
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
    texts = len(offsets) - 1
    return np.stack([np.bincount(text[each], minlength=texts) for each in counted], axis=1).astype(np.int64)


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


def _mean_f1(right: Gathering, predicted: Gathering, true: Gathering) -> WeightedMetric:
    def measure(weights: Weights) -> Numbers:
        both = predicted(weights) + true(weights)
        return mean_of_known(ratio(2 * right(weights), both, otherwise=np.nan), otherwise=1.0)

    return measure
