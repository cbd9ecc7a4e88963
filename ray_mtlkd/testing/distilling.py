"""What every balancer promises of tasks that distil: their losses mean something else, and fall to nothing."""

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ray_mtlkd.strategies.balancers.base import Balancer, Signals
from ray_mtlkd.testing.base import expect

_BEFORE, _AFTER = 6, 30
"""Steps on labels, and on what a teacher says."""
_FALL = 0.7
"""What a step of distilling leaves of the loss."""


def check_distilling(balancer: Balancer[Any], *, tasks: int, seed: int) -> None:
    """A task that switches to a teacher it then equals gets no weight for that.

    Of a balancer that measures no Gramian its weight stays within T times the largest weight before; of one that does,
    its weighted gradient's norm within T times the largest such norm.

    Args:
        balancer: Made for this number of tasks.
        tasks: T.
        seed: Of the draws.

    Raises:
        AssertionError: where it grows beyond.
    """
    state, bound = balancer.init(tasks), 0.0
    for step, signals in enumerate(_run(random.Random(seed), tasks)):  # noqa: S311 - reproducible
        weights, state = balancer.weigh(signals, state)
        sizes = (
            [math.sqrt(row[at]) for at, row in enumerate(signals.gram)] if balancer.needs == "gram" else [1.0] * tasks
        )
        pulls = [abs(weight) * size for weight, size in zip(weights.shared, sizes, strict=True)]
        if step < _BEFORE:
            bound = max(bound, tasks * max(pulls))
        grown = f"after {step + 1 - _BEFORE} steps of distilling a task pulls with {pulls[0]:g}, beyond {bound:g}"
        expect(pulls[0] <= bound, f"{grown}: weigh `signals.distilling` by what they had when they learned from labels")


def with_other_losses(signals: Signals) -> Signals:
    """The same where tasks that distil have lost all, and their gradients are as large as one likes."""

    def other(values: tuple[float, ...]) -> tuple[float, ...]:
        known = zip(signals.tasks, values, strict=True)
        return tuple(10 * value + 1 if task in signals.distilling else value for task, value in known)

    return replace(signals, losses=other(signals.losses), norms=other(signals.norms))


def _run(draws: random.Random, tasks: int) -> Iterator[Signals]:
    """All tasks learn; the first one switches, and its loss and gradient vanish while the others go on."""
    jacobian = [[draws.gauss(0, 1) for _ in range(tasks)] for _ in range(tasks)]
    regression = tuple(draws.random() < 0.5 for _ in range(tasks))  # noqa: PLR2004 - as often as not
    for step in range(_BEFORE + _AFTER):
        left = _FALL ** max(0, step + 1 - _BEFORE)
        rows = [[left * entry for entry in row] if at == 0 else row for at, row in enumerate(jacobian)]
        gram = tuple(tuple(sum(a * b for a, b in zip(x, y, strict=True)) for y in rows) for x in rows)
        yield Signals(
            tasks=tuple(range(tasks)),
            losses=tuple((left if at == 0 else 1.0) * draws.uniform(0.5, 1) for at in range(tasks)),
            regression=regression,
            distilling=frozenset({0} if left < 1 else ()),
            skills=(0.5,) * tasks,
            norms=tuple(math.sqrt(row[at]) for at, row in enumerate(gram)),
            gram=gram,
            rng=random.Random(step),  # noqa: S311 - reproducible
        )
