"""What a strategy's search tried, and how it scored: each configuration once, with the settings that differ."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ray_mtlkd.decode import leaves
from ray_mtlkd.report.left_space import left_space

Value = float | str
"""Of a setting: numbers, and all else as JSON writes it."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """The configurations of one strategy in one setup that ended with a score.

    Attributes:
        keys: Settings with several values [k].
        points: By sweep and number, the value of each setting; None where a configuration lacks it [N][k].
        scores: On validation, the mean over seeds [N].
        failed: Configurations without a score.
    """

    keys: tuple[str, ...]
    points: Mapping[tuple[str, int], tuple[Value | None, ...]]
    scores: tuple[float, ...]
    failed: int


def searches(trials: Sequence[Mapping[str, Any]], setup: str) -> dict[str, Tried]:
    """Of each strategy that tried several configurations in a setup.

    Args:
        trials: One row a trial, as ``history.trials`` gives them.
    """
    groups: dict[str, dict[tuple[str, int], list[Mapping[str, Any]]]] = {}
    for row in trials:
        if row["setup"] == setup and row["stage"] == "search":
            own = groups.setdefault(row["strategy"], {})
            own.setdefault((row["sweep"], row["config_index"]), []).append(row)
    found = {strategy: _search(rows) for strategy, rows in groups.items()}
    return {strategy: each for strategy, each in found.items() if len(each.points) > 1 and each.keys}


def _search(rows: Mapping[tuple[str, int], Sequence[Mapping[str, Any]]]) -> Tried:
    scores = {
        key: fmean(row["score"] for row in own)
        for key, own in rows.items()
        if all(row["score"] is not None for row in own)
    }
    settings = {key: json.loads(rows[key][0]["config"]) for key in scores}
    names = dict.fromkeys(name for each in settings.values() for name in each)
    values = {name: [_value(each, name) for each in settings.values()] for name in names}
    keys = tuple(name for name, column in values.items() if len(set(column)) > 1)
    points = {key: tuple(values[name][at] for name in keys) for at, key in enumerate(settings)}
    return Tried(keys=keys, points=points, scores=tuple(scores.values()), failed=len(rows) - len(scores))


def _value(settings: Mapping[str, Any], name: str) -> Value | None:
    if name not in settings:
        return None
    value = settings[name]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return value if isinstance(value, str) else json.dumps(value)


def logarithmic(results: Sequence[str]) -> Collection[str]:
    """Settings that these sweeps' search spaces draw by the logarithm, under the names that configurations give them.

    Raises:
        MtlkdError: where a folder cannot be reached, or its search space is not what a sweep left there.
        ExceptionGroup: of ``MtlkdError``, where it is so in many ways.
    """
    found = set()
    for result in results:
        paths = (path.rpartition(".") for path, value in leaves(left_space(result)).items() if value)
        # As `loguniform: [..]`, as other tools spell it (`log_uniform`, …), or as `{min, max, log: true}`.
        found |= {re.sub(r"^strategies\[\d+\]\.", "", head) for head, _, kind in paths if "log" in kind}
    return found
