"""What is trained to find out which tasks belong together, as strategies of a sweep."""

from collections.abc import Mapping, Sequence
from typing import Any

from ray_mtlkd.strategies.curricula.base import Groups, models_of

TOGETHER, ALONE, SPLIT = "sum", "single_task", "split"
"""Labels: all tasks in one model, each in its own, and the proposed split."""

Trainings = Mapping[str, Groups | None]
"""Groups of tasks with a model each, by label; tasks in no group train alone. None: one model."""


def pairs_and_rests(tasks: Sequence[str]) -> Trainings:
    """One model, each task alone, every pair, and all but each one.

    Pairs that have no task in common train in one trial, so that T tasks take T - 1 of these (T, where T is odd), as
    in a round-robin tournament. The one that is left out trains alone.
    """
    found: dict[str, Groups | None] = {TOGETHER: None, ALONE: ()}
    found |= {f"pairs-{number}": pairs for number, pairs in enumerate(_rounds(tasks), 1)}
    found |= {f"without-{task}": (tuple(other for other in tasks if other != task),) for task in tasks}
    known: dict[tuple[tuple[int, ...], ...], str] = {}
    for label, groups in found.items():
        known.setdefault(tuple(models_of(groups, tasks)), label)
    return {label: found[label] for label in known.values()}


def strategies(trainings: Trainings) -> list[Any]:
    """As a search space lists them."""
    return [
        label
        if groups is None or not groups
        else {"name": "split", "label": label, "curriculum": {"groups": [list(group) for group in groups]}}
        for label, groups in trainings.items()
    ]


def _rounds(tasks: Sequence[str]) -> list[Groups]:
    """Every pair once, in as few rounds as possible: the first place stays, the others go round (Kirkman's circle)."""
    circle: list[str | None] = [*tasks, *([None] if len(tasks) % 2 else [])]
    rounds: list[Groups] = []
    for _ in range(len(circle) - 1):
        half = len(circle) // 2
        meets = zip(circle[:half], reversed(circle[half:]), strict=True)
        rounds.append(tuple((one, other) for one, other in meets if one is not None and other is not None))
        circle[1:] = [circle[-1], *circle[1:-1]]
    return rounds
