"""CPU time of the contenders' steps, taken in turns, so that whatever slows the machine slows all of them."""

import gc
import random
import time
from collections.abc import Mapping

from benchmarks.step.contenders import Contender
from ray_mtlkd.training.step.batches import BATCHES_AHEAD

TURN = BATCHES_AHEAD
"""Steps that a contender takes in a row: `ray_mtlkd` gathers its rows once for so many. The first of them finds the
caches full of the other contenders' models, which no real run does."""


def interleave(contenders: Mapping[str, Contender], *, turns: int, warmup: int) -> dict[str, list[float]]:
    """Seconds of CPU time of every contender's turns [turns], all threads of the process together.

    Args:
        contenders: Each takes its turn in every round, in an order drawn anew for each round.
        turns: Rounds that count.
        warmup: Rounds before these.
    """
    order = list(contenders)
    shuffle = random.Random(0).shuffle  # noqa: S311 - no secret
    seconds: dict[str, list[float]] = {name: [] for name in order}
    gc.collect()
    for at in range(warmup + turns):
        shuffle(order)
        for name in order:
            contender = contenders[name]
            start = time.process_time()
            for step in range(at * TURN, (at + 1) * TURN):
                contender.step(step)
            seconds[name].append(time.process_time() - start)
    return {name: taken[warmup:] for name, taken in seconds.items()}
