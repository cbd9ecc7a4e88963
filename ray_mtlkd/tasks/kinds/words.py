"""Shares of classes and labels in words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ray_mtlkd.imports import Later
from ray_mtlkd.tasks.kinds.base import LabelWords

_stats = Later("scipy.stats")

TOP = 5
"""Classes that a distribution names."""
_DIGITS = 4
_WHOLE = 10
"""Ratios from here on need no decimals."""


def counted(codes: NDArray[np.int64], names: Sequence[str], *, what: str) -> LabelWords:
    """Labels of one class each; ``what`` they are called."""
    counts = np.bincount(codes, minlength=len(names))
    shares = np.asarray(counts / counts.sum())
    bits, most = float(_stats.entropy(shares, base=2)), float(np.log2(len(shares)))
    # Hill's number of order 1: as many equally frequent classes would have the same entropy
    effective = float(np.exp(_stats.entropy(shares[shares > 0])))
    return LabelWords(
        distribution=(top(names, shares), f"{len(shares)} {what}, entropy {bits:.2f} of {most:.2f} bits"),
        balance=f"{ratio(shares)}, effectively {effective:.1f} {what}",
    )


def top(names: Sequence[str], shares: NDArray[np.float64]) -> str:
    """The most frequent ones by name."""
    order = np.argsort(-shares, kind="stable")
    shown = ", ".join(f"{names[at]} {100 * float(shares[at]):.1f} %" for at in order[:TOP])
    return f"{shown}, …" if len(order) > TOP else shown


def ratio(shares: NDArray[np.float64]) -> str:
    """How many times as frequent the most frequent one is as the least frequent one that occurs."""
    present = shares[shares > 0]
    found = float(present.max() / present.min())
    return f"most : least frequent {found:,.{0 if found >= _WHOLE else 1}f} : 1"


def quartiles(values: NDArray[np.float64]) -> str:
    """Smallest, quartiles and largest of some numbers."""
    return "quartiles " + " | ".join(shown(value, values) for value in np.quantile(values, (0, 0.25, 0.5, 0.75, 1)))


def shown(value: float, values: NDArray[np.float64]) -> str:
    """A number with four digits of what differs among ``values``."""
    most, spread = float(np.abs(values).max()), float(np.ptp(values))
    digits = _DIGITS + max(0, round(float(np.log10(most / spread)))) if spread else _DIGITS
    return f"{value:.{digits}g}"
