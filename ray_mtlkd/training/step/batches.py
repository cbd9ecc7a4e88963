"""Which rows a task's next batch holds: a fresh permutation each epoch, drawn from the seed, the task and the epoch."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

B = TypeVar("B")

BATCHES_AHEAD = 16
ROWS_AHEAD = 4096


class Sampler:
    """An endless stream of row numbers, permutation after permutation.

    The order depends on the seed and the task's name only, so that every strategy sees a task's rows in the same order.
    """

    def __init__(self, *, rows: int, seed: int, task: str) -> None:
        self._rows = rows
        self._key = f"{seed}/{task}"
        self._epoch = -1
        self._order = torch.zeros(0, dtype=torch.int64)

    def between(self, start: int, stop: int) -> Tensor:
        """Row numbers at these places of the stream [stop - start] int64."""
        parts = [self._order[:0]]
        while start < stop:
            epoch, offset = divmod(start, self._rows)
            parts.append(self._permutation(epoch)[offset : offset + stop - start])
            start += len(parts[-1])
        return torch.cat(parts)

    def _permutation(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            digest = hashlib.blake2b(f"{self._key}/{epoch}".encode(), digest_size=7).digest()
            generator = torch.Generator().manual_seed(int.from_bytes(digest))
            self._epoch, self._order = epoch, torch.randperm(self._rows, generator=generator)
        return self._order


class Stream(Generic[B]):
    """Endless batches, gathered several at a time: that costs less than half of gathering each alone.

    An epoch's last rows and the next epoch's first may share a batch. A batch's place in memory depends on its number
    alone: a run that goes on from a checkpoint computes the same bits, also where a kernel's sums depend on alignment.

    Args:
        sampler: Where row numbers come from.
        batch_size: Rows a batch.
        gather: Makes the batches of the row numbers of several.

    Attributes:
        drawn: Number of the next batch; assign to go on from there.
    """

    def __init__(self, sampler: Sampler, *, batch_size: int, gather: Callable[[Tensor], Sequence[B]]) -> None:
        self.drawn = 0
        self._sampler = sampler
        self._batch_size = batch_size
        self._gather = gather
        self._ahead = max(1, min(BATCHES_AHEAD, ROWS_AHEAD // batch_size))
        self._block = -1
        self._batches: Sequence[B] = ()

    def draw(self) -> B:
        """The next batch."""
        block, place = divmod(self.drawn, self._ahead)
        if block != self._block:
            rows = self._ahead * self._batch_size
            numbers = self._sampler.between(block * rows, (block + 1) * rows)
            self._batches, self._block = self._gather(numbers), block
        self.drawn += 1
        return self._batches[place]
