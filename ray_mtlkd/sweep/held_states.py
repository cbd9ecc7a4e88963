"""What does not train is computed once: before a sweep starts, and not at all where an earlier sweep has done so.

States are kept in the cache folder, some rows of a table each, by the content of encoder and rows; an interrupted sweep
goes on from those that were ready.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import cast

import numpy as np
import torch
from torch import Tensor

from ray_mtlkd import setups
from ray_mtlkd.data.examples import SPLITS, Examples, SetupTables, TaskTables, unlabelled
from ray_mtlkd.data.features import Features, PieceFeatures, StateRequest
from ray_mtlkd.data.inputs import Array, FirstPieces, Inputs, Pair, Pieces, take
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders import EncoderConfig
from ray_mtlkd.models.encoders.hf.states import HeldLayers, Unit, units, with_states
from ray_mtlkd.setups.cache import Entry, cache_folder
from ray_mtlkd.tasks.kinds import kind_of

_MEASURED_ROWS, _KEPT_ROWS = 128, 4096
"""Of a table: whose time is taken, and whose states are kept together."""
_SETUPS_KEPT = 2
"""So much of what a setup's states may take is kept between sweeps."""
_VERSION = 1
"""Counts the changes after which the same layers give other states."""


@dataclass(frozen=True, kw_only=True)
class StateSize:
    """What a setup's states take.

    Attributes:
        bytes: Of all its tables.
        seconds: To compute those that are not known, measured on a few rows here.
        fits: Whether they are used: where they take too much room, each step computes them.
    """

    setup: str
    bytes: int
    seconds: float
    fits: bool


class StateTables:
    """Puts states into the place of pieces.

    Args:
        most_bytes: Of a setup's states.
        compute: Whether states that are not known are computed; zeros stand for them otherwise, as long as nothing is
            to be learned.
        say: Told what is going on.

    Attributes:
        sizes: What the states of each setup take.
    """

    def __init__(self, *, most_bytes: float, compute: bool, say: Callable[[str], None]) -> None:
        self._most_bytes = most_bytes
        self._compute = compute
        self._say = say
        self.sizes: list[StateSize] = []

    def put(self, tables: SetupTables[Array], encoder: EncoderConfig) -> SetupTables[Array]:
        """The tables with the states that an encoder asks for, where they fit; as they are where it asks for none.

        Raises:
            MtlkdError: where the encoder's weights do not fit it, or a state is too large for its numbers.
        """
        features = encoder.features
        request = features.states if isinstance(features, PieceFeatures) else None
        first = tables.tasks[0]
        if request is None or first.pretrained is None:
            return tables
        layers = HeldLayers.of(encoder, first.layout, first.pretrained, pooling=request.pooling)
        maker = _StateMaker(layers, request, setups.content_of_encoder(features), _SETUPS_KEPT * self._most_bytes)
        sides = [side for inputs, unit in _distinct(tables, request) for side in _sides(inputs, unit)]
        size = sum(maker.bytes(side, unit) for side, unit in sides)
        missing = [part for side, unit in sides for part in maker.missing(side, unit)]
        fits, seconds = size <= self._most_bytes, maker.seconds(missing) if missing else 0.0
        self.sizes.append(StateSize(setup=tables.name, bytes=size, seconds=seconds, fits=fits))
        if not fits:
            limit = self._most_bytes / 2**30
            said = f"{tables.name}: states of {size / 2**30:.1f} GB are more than resources.cache_gb ({limit:g})"
            return replace(tables, warnings=(*tables.warnings, f"{said}: each step computes them"))
        if missing and self._compute:
            self._say(f"computing {size / 1e6:.0f} MB of states of {tables.name}, about {seconds:.0f} s of one core")
        made = {
            id(inputs): _replaced(inputs, partial(self._states, maker, unit))
            for inputs, unit in _distinct(tables, request)
        }
        tasks = tuple(_with_inputs(task, made) for task in tables.tasks)
        digest = hashlib.blake2b(f"{tables.fingerprint} {request}".encode(), digest_size=16)
        return replace(tables, tasks=tasks, fingerprint=digest.hexdigest())

    def _states(self, maker: "_StateMaker", unit: Unit, side: Pieces[Array]) -> Pieces[Array]:
        # untouched zeros take no memory
        found = np.zeros((units(side, unit), maker.width), maker.numbers)
        if self._compute or not list(maker.missing(side, unit)):
            maker.fill(found, side, unit)
        return with_states(side, unit, found)


def pieces_of(features: Features) -> Features:
    """What the tables are before states stand in them."""
    return replace(features, states=None) if isinstance(features, PieceFeatures) else features


@dataclass(frozen=True)
class _StateMaker:
    """An encoder's held layers, what names their states, and how many bytes of states may be kept."""

    layers: HeldLayers
    request: StateRequest
    content: Mapping[str, str]
    kept_bytes: float

    @property
    def numbers(self) -> np.dtype[np.floating]:
        """Of the states."""
        return np.dtype(self.request.numbers)

    @property
    def width(self) -> int:
        """Of a state."""
        return self.layers.width

    def bytes(self, side: Pieces[Array], unit: Unit) -> int:
        """What a table's states take."""
        return units(side, unit) * self.width * self.numbers.itemsize

    def missing(self, side: Pieces[Array], unit: Unit) -> Iterator[Pieces[Array]]:
        """The parts of a table whose states are not there."""
        for part in _parts(side):
            entry = self._entry(part, unit)
            if entry is None or entry.read() is None:
                yield part

    def seconds(self, parts: Sequence[Pieces[Array]]) -> float:
        """Of one core for all of them, from a few rows of the first."""
        few = _rows_of(parts[0], 0, _MEASURED_ROWS)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        self.layers.states(few, "pieces", self.numbers)
        started = time.process_time()
        self.layers.states(few, "pieces", self.numbers)
        spent = time.process_time() - started
        torch.set_num_threads(threads)
        return spent * sum(int(part.offsets[-1]) for part in parts) / max(1, int(few.offsets[-1]))

    def fill(self, states: Array, side: Pieces[Array], unit: Unit) -> None:
        """Put a table's states there; those that are computed are kept for the next time.

        Raises:
            MtlkdError: where one is too large for its numbers.
        """
        at = 0
        for part in _parts(side):
            found = self._of(part, unit)
            states[at : at + len(found)] = found
            at += len(found)

    def _of(self, part: Pieces[Array], unit: Unit) -> Array:
        entry = self._entry(part, unit)
        kept = None if entry is None else entry.read()
        if kept is not None and kept.value == _hash(kept.arrays["states"]):
            return kept.arrays["states"]
        found = self.layers.states(part, unit, self.numbers)
        if not np.isfinite(found).all():
            fix = "set encoder.states to float32, or to none"
            raise MtlkdError(f"a state is too large for {self.numbers}", where="encoder.states", fix=fix)
        if entry is not None:
            entry.write(_hash(found), {"states": found})
        return found

    def _entry(self, side: Pieces[Array], unit: Unit) -> Entry | None:
        folder = cache_folder()
        if folder is None:
            return None
        digest = hashlib.blake2b(digest_size=16)
        libraries = (torch.__version__, version("transformers"))
        digest.update(repr((sorted(self.content.values()), self.request, unit, libraries, _VERSION)).encode())
        for array in (side.ids, side.offsets, side.types, None if side.words is None else side.words.places):
            if array is not None:
                digest.update(np.ascontiguousarray(array).data)
        return Entry(folder / "states" / digest.hexdigest(), least_limit=self.kept_bytes)


def _parts(side: Pieces[Array]) -> Iterator[Pieces[Array]]:
    """A table, as many rows at a time as are kept together."""
    rows = len(side.offsets) - 1
    return (_rows_of(side, start, min(rows, start + _KEPT_ROWS)) for start in range(0, rows, _KEPT_ROWS))


def _rows_of(side: Pieces[Array], start: int, stop: int) -> Pieces[Array]:
    """Neighbouring rows of a table."""
    tensors = cast(Pieces[Tensor], unlabelled(side, len(side.offsets) - 1).inputs)
    stop = min(stop, len(side.offsets) - 1)
    found = cast(Pieces[Tensor], take(tensors, slice(start, stop)))
    words = found.words
    return Pieces(
        None if found.ids is None else found.ids.numpy(),
        found.offsets.numpy(),
        None if found.types is None else found.types.numpy(),
        None if words is None else FirstPieces(words.places.numpy(), words.offsets.numpy()),
    )


def _hash(array: Array) -> str:
    return hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16).hexdigest()


def _distinct(tables: SetupTables[Array], request: StateRequest) -> list[tuple[Inputs[Array], Unit]]:
    """Every table of inputs, once, and what of it needs a state."""
    inputs: dict[int, Inputs[Array]] = {}
    per_token: dict[int, set[bool]] = {}
    for table in tables.tasks:
        for part in (table.train, table.valid, table.test):
            inputs[id(part.inputs)] = part.inputs
            per_token.setdefault(id(part.inputs), set()).add(kind_of(table.task).per_token)
    return [(each, _unit(per_token[key], request)) for key, each in inputs.items()]


def _unit(per_token: set[bool], request: StateRequest) -> Unit:
    if request.trained or len(per_token) > 1:
        return "pieces"
    return "words" if True in per_token else "rows"


def _sides(inputs: Inputs[Array], unit: Unit) -> list[tuple[Pieces[Array], Unit]]:
    sides = (inputs.left, inputs.right) if isinstance(inputs, Pair) else (inputs,)
    return [(side, unit) for side in sides if isinstance(side, Pieces)]


def _replaced(inputs: Inputs[Array], states: Callable[[Pieces[Array]], Pieces[Array]]) -> Inputs[Array]:
    if isinstance(inputs, Pair) and isinstance(inputs.left, Pieces) and isinstance(inputs.right, Pieces):
        return Pair(states(inputs.left), states(inputs.right), inputs.overlap)
    return states(inputs) if isinstance(inputs, Pieces) else inputs


def _with_inputs(table: TaskTables[Array], made: dict[int, Inputs[Array]]) -> TaskTables[Array]:
    parts: dict[str, Examples[Array]] = {
        split: replace(getattr(table, split), inputs=made[id(getattr(table, split).inputs)]) for split in SPLITS
    }
    return replace(table, train=parts["train"], valid=parts["valid"], test=parts["test"])
