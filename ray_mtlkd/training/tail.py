"""How a run ends, for every strategy alike: when, and how the learning rate falls before that.

Let B be the budget in task batches, L = ``cooldown`` B, and c the batches spent when every task had converged (infinite
where not all have, and with ``finish: budget``). The cool-down begins at ``begin`` and the run ends at ``end``:

    begin = min(c, B - L)
    end   = min(B, c + L)

From begin to end the rate that the schedule says is multiplied by

    1/2 (1 + cos(pi (b - begin) / (end - begin)))              after b batches

which falls from 1 to 0; with L = 0 it stays 1. A constant rate with such an end reaches what a cosine over the whole
run does, without that its length must be known beforehand (Hägele et al. 2024, arXiv:2405.18392: a fifth of the run is
enough). That is what makes it fit runs that end where their tasks converge.
"""

import math
from dataclasses import dataclass

from ray_mtlkd.training.settings import Optimization


@dataclass(frozen=True, kw_only=True)
class Tail:
    """The end of one run.

    Attributes:
        settings: ``finish`` and ``cooldown``.
        budget: Task batches.
    """

    settings: Optimization
    budget: int

    def begin(self, converged: int | None) -> int:
        """Task batches after which the rate begins to fall.

        Args:
            converged: Task batches that were spent when every task had converged; None where not all have.
        """
        late, heeded = self.budget - self._length, self._heeded(converged)
        return late if heeded is None else min(heeded, late)

    def end(self, converged: int | None) -> int:
        """Task batches beyond which the run spends none."""
        heeded = self._heeded(converged)
        return self.budget if heeded is None else min(self.budget, heeded + self._length)

    def fall(self, batches: int, converged: int | None) -> float:
        """Factor on the learning rate of the step after which so many ``batches`` are spent, in [0, 1]."""
        begin, end = self.begin(converged), self.end(converged)
        if not self._length or batches <= begin:
            return 1.0
        return 0.5 * (1.0 + math.cos(math.pi * (batches - begin) / (end - begin)))

    def cooling(self, batches: int, converged: int | None) -> str | None:
        """Why the rate falls after so many ``batches``; None where it does not."""
        if not self._length or batches < self.begin(converged):
            return None
        why = "the budget is nearly spent" if self._heeded(converged) is None else "every task has converged"
        return f"{why}: the learning rate falls to 0 from task batch {self.begin(converged)} to {self.end(converged)}"

    def reason(self, converged: int | None) -> str:
        """Why the run has ended."""
        if self.end(converged) < self.budget:
            return "every task has converged" + (", and the learning rate has fallen to 0" if self._length else "")
        return f"the budget of {self.budget} task batches is spent"

    def _heeded(self, converged: int | None) -> int | None:
        return converged if self.settings.finish == "converged" else None

    @property
    def _length(self) -> int:
        return round(self.settings.cooldown * self.budget)
