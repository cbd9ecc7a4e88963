"""CPU time of the contenders' steps, taken in turns, so that whatever slows the machine slows all of them."""

import gc
import random
import time
from collections.abc import Mapping

from benchmarks.step.contenders import Contender

TURN = 5
"""Steps that a contender takes in a row. The first of them finds the caches full of the other contenders' models, which
no real run does: it slows the bare loop by 5 to 10 percent, and the others less."""


def interleave(contenders: Mapping[str, Contender], *, turns: int, warmup: int) -> dict[str, list[float]]:
    """Seconds of CPU time of every contender's steps [turns * TURN], all threads of the process together.

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
            for step in range(at * TURN, (at + 1) * TURN):
                start = time.process_time()
                contender.step(step)
                seconds[name].append(time.process_time() - start)
    return {name: taken[warmup * TURN :] for name, taken in seconds.items()}
