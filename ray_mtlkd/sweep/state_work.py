"""What is to be computed of a setup's states, part by part, and where each part is kept.

A part is some thousand rows of a table. What is kept of it lies in the cache folder, by the content of encoder and
rows: whoever needs the same again finds it, and an interrupted sweep goes on from the parts that were ready.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import cast

import numpy as np
import torch
from torch import Tensor

from ray_mtlkd.data.examples import unlabelled
from ray_mtlkd.data.features import Layout, StateRequest
from ray_mtlkd.data.inputs import Array, FirstPieces, Pieces, take
from ray_mtlkd.data.pretrained import PretrainedWeights
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders import EncoderConfig
from ray_mtlkd.models.encoders.hf.states import HeldLayers, Unit, units
from ray_mtlkd.setups.cache import cache_folder
from ray_mtlkd.sweep.kept_states import KeptStates, room_bytes

PART_ROWS = 2048
"""Of a table that are computed and kept together: whole batches, so that parts of any size give the same numbers."""

_MEASURED_ROWS = 128
"""Whose time is taken."""

_VERSION = 1
"""Counts the changes after which the same layers give other states."""

Side = tuple[Pieces[Array], Unit]
"""A table of sequences, and what of it has a state."""


@dataclass(frozen=True, kw_only=True)
class StatePart:
    """Rows ``start <= row < stop`` of one of the sides."""

    side: int
    start: int
    stop: int


@dataclass(frozen=True, kw_only=True)
class StateWork:
    """The states that a setup's tables are to have; it travels to whoever computes them.

    Attributes:
        setup: Its name.
        encoder: Whose layers compute them, as far up as none trains.
        layout: Of the tables.
        weights: The encoder's.
        request: Which states.
        width: Of a state.
        sides: Every table of sequences, once.
        content: Of the encoder, by path.
        kept_bytes: So much may be kept of states in all.
    """

    setup: str
    encoder: EncoderConfig
    layout: Layout
    weights: PretrainedWeights[Array]
    request: StateRequest
    width: int
    sides: tuple[Side, ...]
    content: Mapping[str, str]
    kept_bytes: float

    def layers(self) -> HeldLayers:
        """What computes them."""
        return HeldLayers.of(self.encoder, self.layout, self.weights, pooling=self.request.pooling)

    @property
    def numbers(self) -> np.dtype[np.floating]:
        """Of the states."""
        return np.dtype(self.request.numbers)

    @property
    def bytes(self) -> int:
        """What they take."""
        return sum(units(*side) for side in self.sides) * self.width * self.numbers.itemsize

    def zeros(self) -> list[Array]:
        """Room for those of each side; it takes no memory before it is written to."""
        return [np.zeros((units(*side), self.width), self.numbers) for side in self.sides]

    def parts(self) -> Iterator[StatePart]:
        """All of them, in order."""
        for at, (pieces, _) in enumerate(self.sides):
            rows = len(pieces.offsets) - 1
            for start in range(0, rows, PART_ROWS):
                yield StatePart(side=at, start=start, stop=min(rows, start + PART_ROWS))

    def missing(self) -> list[StatePart]:
        """Those that are not kept; of parts with the same content, one."""
        by_key = {self.key(part): part for part in self.parts()}
        return [part for key, part in by_key.items() if not self.kept(key).is_there]

    def rows(self, part: StatePart) -> Pieces[Array]:
        """The sequences of a part."""
        return _rows(self.sides[part.side][0], part.start, part.stop)

    def place(self, part: StatePart) -> slice:
        """Where a part's states stand among those of its side."""
        pieces, unit = self.sides[part.side]
        if unit == "words" and pieces.words is not None:
            return slice(int(pieces.words.offsets[part.start]), int(pieces.words.offsets[part.stop]))
        if unit == "pieces":
            return slice(int(pieces.offsets[part.start]), int(pieces.offsets[part.stop]))
        return slice(part.start, part.stop)

    def computed(self, layers: HeldLayers, part: StatePart) -> Array:
        """A part's states [units, W], by one thread: the bits are the same whoever computes them."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return layers.states(self.rows(part), self.sides[part.side][1], self.numbers)
        finally:
            torch.set_num_threads(threads)

    def seconds(self, layers: HeldLayers) -> float:
        """Of one core for those that are not kept, from a few rows; 0 where all are."""
        return self._seconds(layers, self.missing())

    def seconds_of_all(self, layers: HeldLayers) -> float:
        """Of one core for all, once."""
        return self._seconds(layers, [*self.parts()])

    def _seconds(self, layers: HeldLayers, parts: Sequence[StatePart]) -> float:
        if not parts:
            return 0.0
        first = parts[0]
        few = StatePart(side=first.side, start=first.start, stop=min(first.stop, first.start + _MEASURED_ROWS))
        self.computed(layers, few)
        started = time.process_time()
        self.computed(layers, few)
        spent = time.process_time() - started
        return spent * sum(map(self._pieces, parts)) / max(1, self._pieces(few))

    def _pieces(self, part: StatePart) -> int:
        offsets = self.sides[part.side][0].offsets
        return int(offsets[part.stop] - offsets[part.start])

    def key(self, part: StatePart) -> str:
        """Hash of all that a part's states depend on."""
        digest = hashlib.blake2b(digest_size=16)
        libraries = (torch.__version__, version("transformers"))
        unit, rows = self.sides[part.side][1], self.rows(part)
        digest.update(repr((sorted(self.content.values()), self.request, unit, libraries, _VERSION)).encode())
        for array in (rows.ids, rows.offsets, rows.types, None if rows.words is None else rows.words.places):
            if array is not None:
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def kept(self, key: str) -> KeptStates:
        """What is kept by a part's key."""
        return KeptStates.by(key, most_bytes=self.kept_bytes)


Compute = Callable[[StateWork, Sequence[StatePart]], Iterator[tuple[StatePart, Array]]]
"""Who computes some parts: gives each with its states, in whatever order, one at a time."""


def here(work: StateWork, parts: Sequence[StatePart]) -> Iterator[tuple[StatePart, Array]]:
    """This process does, one part after the other."""
    layers = work.layers()
    for part in parts:
        yield part, work.computed(layers, part)


def fill(work: StateWork, *, compute: Compute, say: Callable[[str], None]) -> list[Array]:
    """All states, an array a side: what is kept of them, and what is computed, which is kept as it comes.

    Raises:
        MtlkdError: where a state is too large for its numbers.
    """
    found = work.zeros()
    missing: dict[str, list[StatePart]] = {}
    for part in work.parts():
        key = work.key(part)
        states = work.kept(key).read()
        if states is None:
            missing.setdefault(key, []).append(part)
        else:
            found[part.side][work.place(part)] = states
    if not missing:
        return found
    wanted = {parts[0]: (key, parts) for key, parts in missing.items()}
    keeps = _has_room(work, [*wanted], say=say)
    for first, states in compute(work, [*wanted]):
        if not np.isfinite(states).all():
            fix = "set encoder.states to float32, or to none"
            raise MtlkdError(f"a state is too large for {work.numbers}", where="encoder.states", fix=fix)
        key, parts = wanted[first]
        if keeps:
            work.kept(key).write(states)
        for part in parts:
            found[part.side][work.place(part)] = states
    return found


def _has_room(work: StateWork, missing: Sequence[StatePart], *, say: Callable[[str], None]) -> bool:
    """Whether they can be kept; what is there already stays."""
    places = (work.place(part) for part in missing)
    wanted = sum(place.stop - place.start for place in places) * work.width * work.numbers.itemsize
    free = room_bytes()
    has_room = bool(wanted <= free)
    if not has_room and free:
        left = f"{wanted / 1e6:,.0f} MB of states of {work.setup} are not kept for later sweeps"
        say(f"warning: {left}: {cache_folder()} has {free / 1e6:,.0f} MB of room")
    return has_room


def _rows(pieces: Pieces[Array], start: int, stop: int) -> Pieces[Array]:
    """Neighbouring rows of a table."""
    tensors = cast(Pieces[Tensor], unlabelled(pieces, len(pieces.offsets) - 1).inputs)
    found = cast(Pieces[Tensor], take(tensors, slice(start, stop)))
    words = found.words
    return Pieces(
        None if found.ids is None else found.ids.numpy(),
        found.offsets.numpy(),
        None if found.types is None else found.types.numpy(),
        None if words is None else FirstPieces(words.places.numpy(), words.offsets.numpy()),
    )
