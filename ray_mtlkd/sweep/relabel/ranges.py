"""How the rows of a table are cut into what actors are asked for: where prediction batches end.

The batches are then the same as in the trial, and so are the numbers that come out of them.
"""

import math

from ray_mtlkd.training.evaluation.evaluate import BATCH_ROWS

_LEAST_BATCHES, _MOST_BATCHES = 4, 128
"""Of a range: a call costs about a millisecond; a lost actor costs a range, and so long is a pool without progress."""

_LEAST_S, _LEAST_GUIDED = 0.25, 32
"""Of a pool's range, seconds and batches at most: Ray Data takes its time for each."""


def equal(rows: range, *, parts: int) -> list[tuple[int, int]]:
    """Row ranges in order, ``parts`` of them where these are neither tiny nor take minutes."""
    batches = math.ceil(len(rows) / BATCH_ROWS)
    size = min(_MOST_BATCHES, max(_LEAST_BATCHES, math.ceil(batches / parts))) * BATCH_ROWS
    return [(start, min(start + size, rows.stop)) for start in range(rows.start, rows.stop, size)]


def guided(rows: range, *, actors: int, batch_s: float) -> list[tuple[int, int]]:
    """Row ranges in order, ever smaller: whoever gets the last ones, all actors end at the same time.

    Each is half of an actor's share of what is left (Polychronopoulos and Kuck 1987, guided self-scheduling), and none
    is so large that an actor would get none.

    Args:
        rows: What is to be cut.
        actors: How many share it.
        batch_s: Seconds that a batch takes; 0 where that is not known.
    """
    left, start, found = math.ceil(len(rows) / BATCH_ROWS), rows.start, []
    most = min(_MOST_BATCHES, math.ceil(left / actors))
    least = math.ceil(min(_LEAST_GUIDED, _LEAST_S / batch_s)) if batch_s else _LEAST_GUIDED
    while left:
        batches = min(left, most, max(least, left // (2 * actors)))
        found.append((start, min(start + batches * BATCH_ROWS, rows.stop)))
        left, start = left - batches, start + batches * BATCH_ROWS
    return found


def split(rows: range, *, batches: float) -> tuple[range, range]:
    """The rows without the last ``batches`` batches, and these: half of all at most, and none where it is below 1."""
    whole = math.ceil(len(rows) / BATCH_ROWS)
    at = (whole - min(whole // 2, int(batches))) * BATCH_ROWS
    return rows[:at], rows[at:]
