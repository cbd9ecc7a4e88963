"""Rows of different lengths side by side, as `transformers` takes them: rows of similar length together."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ray_mtlkd.data.device import send

_CPU_PIECES, _GPU_PIECES = 2**10, 2**16
"""Padded pieces that go through a layer at a time: on a CPU what its caches hold, on a GPU what keeps it busy."""


@dataclass(frozen=True)
class PaddedRows:
    """Some rows of a batch.

    Attributes:
        at: Places of their pieces among those of the batch [n].
        slots: Places of these among the padded ones [n].
        rows: How many.
        longest: Of them, in pieces.
    """

    at: Tensor
    slots: Tensor
    rows: int
    longest: int

    def pad(self, values: Tensor, *, padding: int = 0) -> Tensor:
        """Values [rows, longest, ...] of the batch's [pieces, ...]."""
        line = values.new_full((self.rows * self.longest, *values.shape[1:]), padding)
        line = line.index_copy(0, self.slots, values.index_select(0, self.at))
        return line.view(self.rows, self.longest, *values.shape[1:])

    def mask(self) -> Tensor:
        """1 where there is a piece [rows, longest] int64."""
        line = torch.zeros(self.rows * self.longest, dtype=torch.int64, device=self.slots.device)
        return line.index_fill(0, self.slots, 1).view(self.rows, self.longest)

    def unpad(self, padded: Tensor) -> Tensor:
        """What stands at the pieces [n, ...]."""
        return padded.flatten(0, 1).index_select(0, self.slots)


def similar_rows(offsets: Tensor) -> Iterator[PaddedRows]:
    """All rows of a batch that have pieces, the longest first, by their offsets [B+1]; the same way each time."""
    bounds, device = offsets.cpu().numpy(), offsets.device
    most = _CPU_PIECES if device.type == "cpu" else _GPU_PIECES
    lengths = np.diff(bounds)
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order) and lengths[order[start]]:
        longest = int(lengths[order[start]])
        rows = order[start : start + max(1, most // longest)]
        rows = rows[lengths[rows] > 0]
        counts = lengths[rows]
        place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        at = np.repeat(bounds[rows], counts) + place
        slots = np.repeat(np.arange(len(rows)) * longest, counts) + place
        yield PaddedRows(send(torch.from_numpy(at), device), send(torch.from_numpy(slots), device), len(rows), longest)
        start += len(rows)


def in_order(parts: list[tuple[PaddedRows, Tensor]]) -> Tensor:
    """What was found for all pieces [pieces, ...], in the batch's order."""
    found = torch.cat([values for _, values in parts])
    at = torch.cat([rows.at for rows, _ in parts])
    return found.index_select(0, torch.empty_like(at).index_copy_(0, at, torch.arange(len(at), device=at.device)))
