"""Which rows a task's next batch holds: a fresh permutation each epoch, drawn from the seed, the task and the epoch."""

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a sampler stands: all that a checkpoint needs."""

    epoch: int = 0
    offset: int = 0


class Sampler:
    """Endless batches of row numbers; an epoch's last rows and the next epoch's first may share a batch.

    The order depends on the seed and the task's name only, so that every strategy sees a task's rows in the same order.
    """

    def __init__(self, *, rows: int, batch_size: int, seed: int, task: str) -> None:
        self._rows = rows
        self._batch_size = batch_size
        self._key = f"{seed}/{task}"
        self._at = Position()
        self._order = self._permutation(0)

    @property
    def position(self) -> Position:
        """Where the next batch starts."""
        return self._at

    def move(self, position: Position) -> None:
        """Go on from ``position``."""
        if position.epoch != self._at.epoch:
            self._order = self._permutation(position.epoch)
        self._at = position

    def draw(self) -> Tensor:
        """Row numbers of the next batch [batch_size] int64."""
        parts, missing = [], self._batch_size
        while missing:
            part = self._order[self._at.offset : self._at.offset + missing]
            parts.append(part)
            missing -= len(part)
            offset = self._at.offset + len(part)
            if offset == self._rows:
                self.move(Position(epoch=self._at.epoch + 1))
            else:
                self._at = Position(epoch=self._at.epoch, offset=offset)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _permutation(self, epoch: int) -> Tensor:
        digest = hashlib.blake2b(f"{self._key}/{epoch}".encode(), digest_size=7).digest()
        return torch.randperm(self._rows, generator=torch.Generator().manual_seed(int.from_bytes(digest)))
