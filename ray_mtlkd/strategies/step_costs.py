"""What a step under each balancer costs beside one of the plain sum: for the table of strategies."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class StepCosts:
    """Times of a step over that of ``sum`` in the same run, by balancer; of a family by its methods that were measured.

    Attributes:
        measured: On which problem, and on which machine with which load.
        own_rows: Where each task has rows of its own.
        shared_rows: Where all tasks label the same rows.
    """

    measured: str
    own_rows: Mapping[str, float]
    shared_rows: Mapping[str, float]

    def of(self, name: str) -> tuple[str, ...]:
        """``1.1 / 1.9``: of own rows and of shared ones; ``mgda 1.2 / 2.0`` of each measured method of a family."""
        found = {each: f"{ratio:.1f} / {self.shared_rows[each]:.1f}" for each, ratio in self.own_rows.items()}
        if name in found:
            return (found[name],)
        return tuple(
            f"{each.removeprefix(f'{name}:')} {said}" for each, said in found.items() if each.startswith(f"{name}:")
        )
