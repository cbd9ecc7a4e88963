"""Which rows a task's next batch holds: a fresh permutation each epoch, drawn from the seed, the task and the epoch."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

from ray_mtlkd.data.inputs import flat_index

B = TypeVar("B")

BATCHES_AHEAD = 16
ROWS_AHEAD = 4096


@dataclass(frozen=True)
class Drawn:
    """Rows of several parts of batches, end to end.

    Attributes:
        rows: Places among a task's labels [n] int64.
        sizes: Rows of each part [P].
        groups: Where the groups of each part begin in it, and the last one ends [P] of [g+1]; None without groups.
    """

    rows: Tensor
    sizes: Sequence[int]
    groups: Sequence[Tensor] | None = None


class Source(Protocol):
    """An endless stream of rows; what lies between two places of it depends on these alone.

    Attributes:
        length: Of one permutation, an epoch, in the stream's own measure.
    """

    @property
    def length(self) -> int:
        """See above."""

    def cut(self, start: int, sizes: Sequence[int]) -> Drawn:
        """The rows from ``start`` on, in parts that are so long in the stream's own measure."""


class Sampler:
    """An endless stream of row numbers, permutation after permutation.

    The order depends on the seed and the task's name only, so that every strategy sees a task's rows in the same order.
    """

    def __init__(self, *, rows: int, seed: int, task: str) -> None:
        self.length = rows
        self._key = f"{seed}/{task}"
        self._epoch = -1
        self._order = torch.zeros(0, dtype=torch.int64)

    def cut(self, start: int, sizes: Sequence[int]) -> Drawn:
        """The rows from ``start`` on, in parts of so many rows."""
        return Drawn(self.between(start, start + sum(sizes)), sizes)

    def between(self, start: int, stop: int) -> Tensor:
        """Row numbers at these places of the stream [stop - start] int64."""
        parts = [self._order[:0]]
        while start < stop:
            epoch, offset = divmod(start, self.length)
            parts.append(self.permutation(epoch)[offset : offset + stop - start])
            start += len(parts[-1])
        return torch.cat(parts)

    def permutation(self, epoch: int) -> Tensor:
        """The order of all rows in an epoch."""
        if epoch != self._epoch:
            digest = hashlib.blake2b(f"{self._key}/{epoch}".encode(), digest_size=7).digest()
            generator = torch.Generator().manual_seed(int.from_bytes(digest))
            self._epoch, self._order = epoch, torch.randperm(self.length, generator=generator)
        return self._order


@dataclass(frozen=True)
class Picked:
    """An endless stream of some of a task's rows.

    Attributes:
        order: Of these.
        rows: Their places among the task's [n] int64.
    """

    order: Sampler
    rows: Tensor

    @property
    def length(self) -> int:
        """Rows of an epoch."""
        return self.order.length

    def cut(self, start: int, sizes: Sequence[int]) -> Drawn:
        """The rows from ``start`` on, in parts of so many rows."""
        return Drawn(self.rows[self.order.between(start, start + sum(sizes))], sizes)


class GroupSampler:
    """An endless stream of whole groups of rows, permutation after permutation.

    In the stream a group is as long as it has rows, ``most`` at the longest, and belongs where it begins. A stretch of
    ``most``, a batch, therefore holds at least one group, and on average ``most`` rows where no group has more. How
    many groups came before a place need not be counted, so that a run goes on anywhere as if it had never stopped.

    Args:
        groups: Where each group's rows begin among the labels [G+1].
        most: Rows that a group may count for: those of a batch.
        seed: Decides the order, with the task's name.
        task: Its name.
    """

    def __init__(self, *, groups: Tensor, most: int, seed: int, task: str) -> None:
        self._groups = groups
        self._lengths = groups.diff().clamp(max=most)
        self.length = int(self._lengths.sum())
        self._order = Sampler(rows=len(self._lengths), seed=seed, task=task)

    def cut(self, start: int, sizes: Sequence[int]) -> Drawn:
        """The groups that begin from ``start`` on, in parts that are so long; a part may hold none."""
        bounds = torch.tensor(list(accumulate(sizes, initial=start)))
        found, begins = self._between(start, int(bounds[-1]))
        # where each part begins among the groups, and where each group begins among the rows
        parts = torch.searchsorted(begins, bounds).tolist()
        rows, offsets = flat_index(self._groups, found)
        groups = [offsets[first : last + 1] - offsets[first] for first, last in pairwise(parts)]
        return Drawn(rows, [int(each[-1]) for each in groups], groups)

    def _between(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """The groups that begin at ``start`` or later, before ``stop``, and where they begin."""
        found, begins = [], []
        for epoch in range(start // self.length, (stop - 1) // self.length + 1):
            order = self._order.permutation(epoch)
            ends = self._lengths[order].cumsum(0)
            places = ends - self._lengths[order] + epoch * self.length
            there = (places >= start) & (places < stop)
            found.append(order[there])
            begins.append(places[there])
        return torch.cat(found), torch.cat(begins)


class Stream(Generic[B]):
    """Endless batches, gathered several at a time: that costs less than half of gathering each alone.

    An epoch's last rows and the next epoch's first may share a batch. A batch's place in memory depends on its number
    alone: a run that goes on from a checkpoint computes the same bits, also where a kernel's sums depend on alignment.

    Args:
        source: Where rows come from.
        parts: Length of each part of a batch.
        gather: Makes the batches of the rows of several.

    Attributes:
        drawn: Number of the next batch; assign to go on from there.
    """

    def __init__(self, source: Source, *, parts: Sequence[int], gather: Callable[[Drawn], Sequence[B]]) -> None:
        self.drawn = 0
        self._source = source
        self._parts = list(parts)
        self._gather = gather
        self._ahead = max(1, min(BATCHES_AHEAD, ROWS_AHEAD // sum(parts)))
        self._block = -1
        self._batches: Sequence[B] = ()

    def epochs(self, batches: int) -> float:
        """How often so many batches go through all rows."""
        return batches * sum(self._parts) / self._source.length

    def forget(self) -> None:
        """Gather anew what was gathered ahead."""
        self._block = -1

    def draw(self) -> B:
        """The next batch."""
        block, place = divmod(self.drawn, self._ahead)
        if block != self._block:
            sizes = self._parts * self._ahead
            self._batches, self._block = self._gather(self._source.cut(block * sum(sizes), sizes)), block
        self.drawn += 1
        return self._batches[place]
