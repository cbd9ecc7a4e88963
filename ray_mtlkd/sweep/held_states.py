"""What does not train is computed once: before trials start, and not at all where an earlier sweep has done so.

Here is where states stand in a setup's tables; `state_work` says what is to be computed and keeps it, `state_pool` who
computes it. States travel with the tables, in the object store: it is shared memory, which all trials of a machine map,
as they would map the files that are kept, and it reaches the other machines of a cluster, which these files do not.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ray_mtlkd import setups
from ray_mtlkd.data.examples import SPLITS, Examples, SetupTables, TaskTables
from ray_mtlkd.data.features import Features, Layout, StateRequest, pieces_asked, pieces_of, read_by
from ray_mtlkd.data.inputs import Array, Dense, DenseTokens, Inputs, Mixed, Pair, Pieces, Text, text_of
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders.hf.states import HeldLayers, Unit, with_states
from ray_mtlkd.models.encoders.mixed import MixedEncoder
from ray_mtlkd.sweep.divided import DividedLayers
from ray_mtlkd.sweep.plan import Key
from ray_mtlkd.sweep.state_work import Compute, StateWork, fill, here
from ray_mtlkd.tasks.kinds import kind_of

_SETUPS_KEPT = 2
"""So much of what a setup's states may take is kept between sweeps."""


@dataclass(frozen=True, kw_only=True)
class StateSize:
    """What a setup's states take.

    Attributes:
        trained: How many layers train above them.
        bytes: Of all its tables.
        seconds: To compute those that are not known, measured on a few rows here.
        fits: Whether they are used: where they take too much room, each step computes them.
    """

    setup: str
    trained: int
    bytes: int
    seconds: float
    fits: bool


@dataclass(frozen=True, kw_only=True)
class PendingStates:
    """States in whose place zeros stand in a setup's tables, which take no memory."""

    work: StateWork
    size: StateSize

    def put(
        self, tables: SetupTables[Array], *, compute: Compute = here, say: Callable[[str], None] = lambda _: None
    ) -> SetupTables[Array]:
        """The tables with the states themselves: what is kept of them, and the others as they are computed.

        Beside the tables that are returned, there are a few parts of some thousand rows in memory at a time.

        Args:
            tables: Those with the zeros.
            compute: Who computes them.
            say: Told what is going on.

        Raises:
            MtlkdError: where a state is too large for its numbers.
        """
        return _with_states(tables, fill(self.work, compute=compute, say=say))


class StateTables:
    """Puts states into the place of pieces.

    Args:
        most_bytes: Of a setup's states.

    Attributes:
        sizes: What the states of each setup take.
        divided: Layers for which no states can stand, by setup's name and by what the encoder asks of it.
    """

    def __init__(self, *, most_bytes: float) -> None:
        self._most_bytes = most_bytes
        self.sizes: list[StateSize] = []
        self.divided: dict[Key, DividedLayers] = {}

    def readable(self, tables: SetupTables[Array], architecture: Architecture) -> Features:
        """What of an architecture's features there can be: pieces alone where it does not take the layers as one.

        Raises:
            MtlkdError: where the encoder's weights do not fit it.
        """
        features, key = architecture.features, (tables.name, architecture.features)
        asked = pieces_asked(features)
        if asked is None or asked.whole_layers is None:
            return features
        known = None if key in self.divided else self._work(tables, architecture)
        if known is not None:
            work, held = known
            if asked.whole_layers < held.count:
                self.divided[key] = DividedLayers(layers=held.count, seconds=work.seconds_of_all(held))
        return pieces_of(features) if key in self.divided else read_by(features, whole_layers=None)

    def plan(
        self, tables: SetupTables[Array], architecture: Architecture
    ) -> tuple[SetupTables[Array], PendingStates | None]:
        """The tables with zeros where an encoder asks for states, and what they are to be, where they fit.

        The tables are as they are, and nothing is pending, where it asks for none, they do not fit, or its layers are
        not taken as one by the way of sharing.

        Raises:
            MtlkdError: where the encoder's weights do not fit it.
        """
        asked = pieces_asked(self.readable(tables, architecture))
        known = None if asked is None or asked.states is None else self._work(tables, architecture)
        if known is None:
            return tables, None
        work, layers = known
        request, fits = work.request, work.bytes <= self._most_bytes
        size = StateSize(
            setup=tables.name,
            trained=request.trained,
            bytes=work.bytes,
            seconds=work.seconds(layers),
            fits=fits,
        )
        self.sizes.append(size)
        if not size.fits:
            limit = self._most_bytes / 2**30
            said = f"{tables.name}: states of {size.bytes / 2**30:.1f} GB are more than resources.cache_gb ({limit:g})"
            return replace(tables, warnings=(*tables.warnings, f"{said}: each step computes them")), None
        zeros = iter(work.zeros())
        made = {
            id(inputs): _replaced(inputs, partial(_with_next, unit, zeros))
            for inputs, unit in _distinct(tables, request)
        }
        digest = hashlib.blake2b(f"{tables.fingerprint} {request}".encode(), digest_size=16)
        found = replace(_with_inputs(tables, made), fingerprint=digest.hexdigest())
        return found, PendingStates(work=work, size=size)

    def _work(self, tables: SetupTables[Array], architecture: Architecture) -> tuple[StateWork, HeldLayers] | None:
        """What there is to compute, and by which layers; None where nobody asks, or no task has texts."""
        encoder = architecture.encoder
        asked, weights = pieces_asked(encoder.features), tables.tasks[0].pretrained
        request = None if asked is None else asked.states
        layout = next(filter(None, (_of_texts(task.layout) for task in tables.tasks)), None)
        if asked is None or request is None or weights is None or layout is None:
            return None
        reader = encoder.text if isinstance(encoder, MixedEncoder) and encoder.text is not None else encoder
        layers = HeldLayers.of(reader, layout, weights, pooling=request.pooling)
        work = StateWork(
            setup=tables.name,
            encoder=reader,
            layout=layout,
            weights=weights,
            request=request,
            width=layers.width,
            sides=tuple(side for inputs, unit in _distinct(tables, request) for side in _sides(inputs, unit)),
            content=setups.content_of_encoder(asked),
            kept_bytes=_SETUPS_KEPT * self._most_bytes,
        )
        return work, layers


def _of_texts(layout: Layout) -> Layout | None:
    """That of a task's texts; None where its rows have none."""
    return dict(layout.parts).get("text") if layout.parts else layout


def _with_next(unit: Unit, states: Iterator[Array], side: Pieces[Array]) -> Pieces[Array]:
    return with_states(side, unit, next(states))


def _with_states(tables: SetupTables[Array], states: Sequence[Array]) -> SetupTables[Array]:
    """Tables that have states with others in their place, a table of inputs after the other."""
    given = iter(states)
    made = {id(inputs): _replaced(inputs, lambda side: replace(side, states=next(given))) for inputs in _inputs(tables)}
    return _with_inputs(tables, made)


def _inputs(tables: SetupTables[Array]) -> list[Inputs[Array]]:
    """Every table of inputs, once."""
    parts = (getattr(table, split).inputs for table in tables.tasks for split in SPLITS)
    return list({id(inputs): inputs for inputs in parts}.values())


def _distinct(tables: SetupTables[Array], request: StateRequest) -> list[tuple[Inputs[Array], Unit]]:
    """Every table of inputs, once, and what of it needs a state."""
    per_token: dict[int, set[bool]] = {}
    for table in tables.tasks:
        for part in (table.train, table.valid, table.test):
            per_token.setdefault(id(part.inputs), set()).add(kind_of(table.task).per_token)
    return [(each, _unit(per_token[id(each)], request)) for each in _inputs(tables)]


def _unit(per_token: set[bool], request: StateRequest) -> Unit:
    if request.trained or len(per_token) > 1:
        return "pieces"
    return "words" if True in per_token else "rows"


def _sides(inputs: Inputs[Array], unit: Unit) -> list[tuple[Pieces[Array], Unit]]:
    texts = text_of(inputs)
    sides = (texts.left, texts.right) if isinstance(texts, Pair) else (texts,)
    return [(side, unit) for side in sides if isinstance(side, Pieces)]


def _replaced(inputs: Inputs[Array], states: Callable[[Pieces[Array]], Pieces[Array]]) -> Inputs[Array]:
    if isinstance(inputs, Mixed):
        return inputs if inputs.text is None else replace(inputs, text=_in_texts(inputs.text, states))
    return inputs if isinstance(inputs, Dense | DenseTokens) else _in_texts(inputs, states)


def _in_texts(inputs: Text[Array], states: Callable[[Pieces[Array]], Pieces[Array]]) -> Text[Array]:
    if isinstance(inputs, Pair) and isinstance(inputs.left, Pieces) and isinstance(inputs.right, Pieces):
        return Pair(states(inputs.left), states(inputs.right), inputs.overlap)
    return states(inputs) if isinstance(inputs, Pieces) else inputs


def _with_inputs(tables: SetupTables[Array], made: Mapping[int, Inputs[Array]]) -> SetupTables[Array]:
    """The tables with others in the place of their inputs, by the identity of these."""
    return replace(tables, tasks=tuple(_of_inputs(table, made) for table in tables.tasks))


def _of_inputs(table: TaskTables[Array], made: Mapping[int, Inputs[Array]]) -> TaskTables[Array]:
    parts: dict[str, Examples[Array]] = {
        split: replace(getattr(table, split), inputs=made[id(getattr(table, split).inputs)]) for split in SPLITS
    }
    return replace(table, train=parts["train"], valid=parts["valid"], test=parts["test"])
