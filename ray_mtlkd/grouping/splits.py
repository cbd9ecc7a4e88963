"""The best split of tasks into groups, given what every group is worth: exact, by dynamic programming."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

Places = tuple[int, ...]
"""Of the tasks of a group, ascending."""


@dataclass(frozen=True, kw_only=True)
class SplitWorth:
    """A split, its groups by their first task, and what they are worth together."""

    groups: tuple[Places, ...]
    worth: float


def best_splits(worth: Callable[[Places], float], *, tasks: int, models: int) -> list[SplitWorth]:
    """The best split into exactly 1, 2, … groups, up to ``models`` or as many as there are tasks.

    >>> pairs = {(0, 1): 3.0, (2,): 1.0}
    >>> [split.groups for split in best_splits(lambda group: pairs.get(group, 0.0), tasks=3, models=2)]
    [((0, 1, 2),), ((0, 1), (2,))]

    Args:
        worth: Of a group; asked once for each.
        tasks: How many there are; 2^tasks groups are looked at.
        models: Most groups.
    """

    @cache
    def worth_of(mask: int) -> float:
        return worth(_places(mask))

    @cache
    def best(mask: int, count: int) -> tuple[float, tuple[int, ...]]:
        if count == 1:
            return worth_of(mask), (mask,)
        first = mask & -mask
        found: tuple[float, tuple[int, ...]] | None = None
        rest = others = mask ^ first
        while others:  # a group with the first task of all, and what the others make best
            others = (others - 1) & rest
            left = rest ^ others
            if left.bit_count() >= count - 1:
                value, groups = best(left, count - 1)
                total = worth_of(first | others) + value
                if found is None or total > found[0]:
                    found = total, (first | others, *groups)
        assert found is not None  # noqa: S101 - there are at least as many tasks as groups
        return found

    whole = (1 << tasks) - 1
    splits = (best(whole, count) for count in range(1, min(models, tasks) + 1))
    return [SplitWorth(groups=tuple(map(_places, masks)), worth=total) for total, masks in splits]


def _places(mask: int) -> Places:
    return tuple(place for place in range(mask.bit_length()) if mask >> place & 1)
