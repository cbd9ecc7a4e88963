"""How strategies stand, from trials as they end: what one more costs does not grow with those before."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from ray_mtlkd.sweep.plan import Trial
from ray_mtlkd.sweep.status import RankedStrategy


@dataclass
class _Group:
    """What is known of a strategy in a setup.

    Attributes:
        searched: Best score of its search.
        total: Exact sum of its replicates' scores, ``count`` of them: the mean is that of `statistics.fmean`.
        seeds: Theirs.
    """

    searched: float = -math.inf
    total: Fraction = Fraction(0)
    count: int = 0
    seeds: set[int] = field(default_factory=set)

    @property
    def skill(self) -> float | None:
        if self.count:
            return float(self.total) / self.count
        return None if self.searched == -math.inf else self.searched


class Ranking:
    """The strategies of each setup, the best first.

    Args:
        groups: Setups with strategies, in the order of the search space.
    """

    def __init__(self, groups: Sequence[tuple[str, str]]) -> None:
        self._groups = {group: _Group() for group in groups}
        self._setups = {setup: at for at, setup in enumerate(dict.fromkeys(setup for setup, _ in groups))}
        self._said: tuple[RankedStrategy, ...] | None = None

    def add(self, trial: Trial, score: float) -> None:
        """What a trial has reached."""
        group = self._groups[trial.group]
        if trial.stage == "replicate":
            group.total += Fraction(score)
            group.count += 1
            group.seeds.add(trial.seed)
        else:
            group.searched = max(score, group.searched)
        self._said = None

    def get(self) -> tuple[RankedStrategy, ...]:
        """As they stand now."""
        if self._said is None:
            found = [
                RankedStrategy(setup=setup, strategy=strategy, skill=skill, seeds=len(group.seeds))
                for (setup, strategy), group in self._groups.items()
                if (skill := group.skill) is not None
            ]
            self._said = tuple(sorted(found, key=lambda each: (self._setups[each.setup], not each.seeds, -each.skill)))
        return self._said
