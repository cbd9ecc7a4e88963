"""What a smaller search would have found: the best of a part of the configurations, from the records of all."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from statistics import fmean
from typing import Any

from ray_mtlkd.report import text

SAID = """\
Validation score of the best of k configurations, on average over all choices of k from those that were tried (Dodge et
al. 2019, arXiv:1909.03004, exact for choices without repetition); in brackets, the rank that it gives the strategy in
its setup. A configuration's score is its mean over the seeds of the search, or of the replication where none was
searched; where the search let it go early, the one that it had reached; where it failed, the worst of the others."""


def expected_best(scores: Sequence[float], k: int) -> float:
    """Mean over all subsets of k scores of their largest: sum_i s_(i) C(i-1, k-1) / C(n, k), s_(1) <= ... <= s_(n).

    >>> round(expected_best([0.1, 0.2, 0.4], 2), 4)
    0.3333
    """
    chances = _chances(len(scores), k)
    return sum(score * chance for score, chance in zip(sorted(scores), chances, strict=True))


@cache
def _chances(n: int, k: int) -> tuple[float, ...]:
    """Of each of n scores, ascending, to be the largest of k."""
    return tuple(math.comb(at, k - 1) / math.comb(n, k) for at in range(n))


def search_budget(trials: Sequence[Mapping[str, Any]]) -> str:
    """A table of what each strategy's search would have found with fewer configurations; empty where all had one.

    Args:
        trials: One row a trial, as ``history.trials`` gives them.
    """
    scores = _scores(trials)
    most = max(map(len, scores.values()), default=0)
    if most < 2:  # noqa: PLR2004 - one configuration has no part
        return ""
    sizes = [*(2**power for power in range(most.bit_length()) if 2**power < most), most]
    best = {
        group: [expected_best(found, k) if k <= len(found) else math.nan for k in sizes]
        for group, found in scores.items()
    }
    lines = []
    for (setup, strategy), row in best.items():
        rivals = [other for (place, _), other in best.items() if place == setup]
        cells = [
            text.NOTHING if math.isnan(score) else f"{score:.4f} ({1 + sum(other[at] > score for other in rivals)})"
            for at, score in enumerate(row)
        ]
        lines.append([text.plain(setup), text.code(strategy), *cells])
    return text.table(["setup", "strategy", *(f"best of {k}" for k in sizes)], lines, words=["strategy"])


def _scores(trials: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], list[float]]:
    """The score of each configuration of each setup and strategy; a strategy of which all failed is left out."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in trials:
        groups.setdefault((row["setup"], row["strategy"]), []).append(row)
    found = {}
    for group, rows in groups.items():
        searched = [row for row in rows if row["stage"] == "search"] or rows
        by_configuration: dict[tuple[str, int], list[float | None]] = {}
        for row in searched:
            by_configuration.setdefault((row["sweep"], row["config_index"]), []).append(row["score"])
        sound = [[each for each in own if each is not None] for own in by_configuration.values() if None not in own]
        known = [fmean(own) for own in sound]
        failed = len(by_configuration) - len(known)
        if known:
            found[group] = [*known, *[min(known)] * failed]
    return found
