"""Strategies whose budget ended before every task had trained."""

from collections.abc import Sequence
from dataclasses import dataclass

from ray_mtlkd.report import text
from ray_mtlkd.report.runs import Setup

MARK = "†"


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A strategy that did not train every task in every finished replicate trial.

    Attributes:
        tasks: That some trial never trained.
        trials: That never trained some task, of ``of`` trials.
    """

    strategy: str
    tasks: tuple[str, ...]
    trials: int
    of: int

    @property
    def said(self) -> str:
        """The tasks and how often."""
        return f"{text.code(self.strategy)}: {', '.join(self.tasks)} in {self.trials} of {self.of}"


def unfinished(setups: Sequence[Setup]) -> tuple[Unfinished, ...]:
    """Over these setups together, in the order of their strategies."""
    found: dict[str, list[Unfinished]] = {}
    for setup in setups:
        for runs in setup.runs:
            lacking = {task for names in runs.untrained.values() for task in names}
            each = Unfinished(
                strategy=runs.strategy.name,
                tasks=tuple(task.name for task in setup.tasks if task.name in lacking),
                trials=len(runs.untrained),
                of=len(runs.keys),
            )
            found.setdefault(each.strategy, []).append(each)
    joined = [
        Unfinished(
            strategy=name,
            tasks=tuple(dict.fromkeys(task for part in parts for task in part.tasks)),
            trials=sum(part.trials for part in parts),
            of=sum(part.of for part in parts),
        )
        for name, parts in found.items()
    ]
    return tuple(each for each in joined if each.trials)


def footnote(marked: Sequence[Unfinished]) -> str:
    """What the mark in a table means; empty where nothing is marked."""
    if not marked:
        return ""
    trials, of = sum(each.trials for each in marked), sum(each.of for each in marked)
    return (
        f"{MARK} in {trials} of {of} trials the budget ended before every task had trained "
        f"({'; '.join(each.said for each in marked)}): the missing tasks count as untrained"
    )
