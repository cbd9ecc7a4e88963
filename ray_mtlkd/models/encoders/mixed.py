"""An encoder for each sort of inputs, and a layer that joins what they make of a row."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Annotated, Any, ClassVar, cast

from pydantic import PlainValidator
from torch import Tensor, nn

from ray_mtlkd.data.features import PARTS, InputPart, Layout, MixedFeatures, OneSort
from ray_mtlkd.data.inputs import Mixed, Pair
from ray_mtlkd.decode import document, refuse
from ray_mtlkd.errors import MtlkdError, gather, raise_all
from ray_mtlkd.models.encoders.base import Encoder, EncoderConfig, Forms, Stages
from ray_mtlkd.models.encoders.joins import PairJoin, PartJoin
from ray_mtlkd.ranges import PositiveInt, Share
from ray_mtlkd.registry import decode_part

_FORMS: Mapping[InputPart, frozenset[str]] = {
    "text": frozenset({"Bag", "Tokens", "Pieces"}),
    "columns": frozenset({"Dense"}),
    "vector": frozenset({"Dense", "DenseTokens"}),
}
"""What an encoder of each sort may read."""


def _reader(value: Any) -> EncoderConfig | None:
    """An encoder from YAML, or as it is."""
    from ray_mtlkd.models.encoders import ENCODERS  # noqa: PLC0415 - it lists the mixed one too

    if value is None or ENCODERS.misfit(type(value)) is None:
        return cast(EncoderConfig | None, value)
    problems: list[MtlkdError] = []
    found: EncoderConfig | None = None
    with gather(problems):
        found = decode_part(ENCODERS, value, where="")
    refuse(problems)
    return found


Reader = Annotated[EncoderConfig | None, PlainValidator(_reader), "an encoder, or `null`"]


@document
class MixedEncoder:
    """Tasks share the encoder of every sort of inputs that they have in common, and the join where they have the same.

    What the encoders make of a row's sorts is normalised, put end to end, and goes through one layer; where a task's
    rows are of one sort, it is what that sort's encoder makes. The two sides of a pair are joined first, as they are
    under that encoder alone.

    Attributes:
        text: Encoder of texts, pairs and tokens; None where no task has any.
        columns: Likewise of numbers and categories.
        vector: Likewise of vectors.
        join: Width of the layer that joins what they make.
        dropout: Share of its units that training zeroes; each encoder has its own.
    """

    name: ClassVar[str] = "mixed"
    forms: ClassVar[Mapping[str, str]] = Forms(rows="Mixed", tokens="Mixed")

    text: Reader = None
    columns: Reader = None
    vector: Reader = None
    join: PositiveInt = 64
    dropout: Share = 0.1

    def __post_init__(self) -> None:
        """Refuse no encoder at all, and such as do not read what they are for."""
        refuse(_config_problems(self))

    def by_part(self) -> dict[InputPart, EncoderConfig]:
        """The encoders that there are."""
        found = {part: getattr(self, part) for part in PARTS}
        return {part: reader for part, reader in found.items() if reader is not None}

    @property
    def features(self) -> MixedFeatures:
        """What each of them asks."""
        return MixedFeatures(**{part: cast(OneSort, reader.features) for part, reader in self.by_part().items()})

    def build(self, layouts: Sequence[Layout], kinds: Sequence[str]) -> "PartsEncoder":
        """The encoders of what these tasks read.

        Raises:
            MtlkdError: where a task's inputs have a sort without an encoder, or one that does not serve its kind;
                ExceptionGroup of them where there are several.
        """
        readers = self.by_part()
        problems = []
        for layout, kind in zip(layouts, kinds, strict=True):
            for part, of in layout.parts:
                if part not in readers or readers[part].forms.get(kind) != of.form:
                    what = f"no encoder reads {part} of form {of.form} for {kind} tasks"
                    fix = "give one that does, or leave these inputs out of the tasks"
                    problems.append(MtlkdError(what, where=f"encoder.{part}", fix=fix))
        raise_all("encoder", problems)
        return PartsEncoder(self, layouts, kinds)


def _config_problems(config: MixedEncoder) -> Iterator[MtlkdError]:
    readers = config.by_part()
    if not readers:
        fix = "give one encoder or more, of text, columns or vector"
        yield MtlkdError("a mixed encoder of nothing", where="", fix=fix)
    for part, reader in readers.items():
        if not _FORMS[part] & set(reader.forms.values()):
            fix = f"use {'cnn, bag, transformer or hf' if part == 'text' else 'mlp'}"
            yield MtlkdError(f"{reader.name} does not read {part}", where=part, fix=fix)


class PartsEncoder(Encoder):
    """See `MixedEncoder`.

    Attributes:
        places: Of each task, its place among the tasks that each of its encoders is for, by sort [T].
        names: Of what joins each task's sorts: tasks of the same sorts have the same [T].
    """

    def __init__(self, config: MixedEncoder, layouts: Sequence[Layout], kinds: Sequence[str]) -> None:
        super().__init__()
        self.encoders, self.sides, self.joins = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        self.places: list[dict[InputPart, int]] = [{} for _ in layouts]
        parts = [dict(layout.parts) for layout in layouts]
        for part, reader in config.by_part().items():
            readers = [task for task, of in enumerate(parts) if part in of]
            for place, task in enumerate(readers):
                self.places[task][part] = place
            if readers:
                own = [parts[task][part] for task in readers]
                self.encoders[part] = _built(part, reader, own, [kinds[task] for task in readers])
        widths = [[self._encoder(part).width(at) for part, at in places.items()] for places in self.places]
        self.names = [
            "+".join(f"{sort}_{width}" for sort, width in zip(layout.sorts, own, strict=True))
            for layout, own in zip(layouts, widths, strict=True)
        ]
        self.widths = [
            self._add_joins(config, name, of, own) for name, of, own in zip(self.names, parts, widths, strict=True)
        ]

    def _add_joins(
        self, config: MixedEncoder, name: str, parts: Mapping[InputPart, Layout], widths: Sequence[int]
    ) -> int:
        """Draw what joins such inputs, unless it is there; returns the width of the representation."""
        made = []
        for (part, of), width in zip(parts.items(), widths, strict=True):
            made.append(width)
            if of.overlap is not None:
                if name not in self.sides:
                    reader = config.by_part()[part]
                    self.sides[name] = PairJoin(width, of.overlap, width=reader.join, dropout=reader.dropout)
                made[-1] = cast(PairJoin, self.sides[name]).width
        if len(made) == 1:
            return made[0]
        if name not in self.joins:
            self.joins[name] = PartJoin(made, width=config.join, dropout=config.dropout)
        return config.join

    def forward(self, inputs: Mixed[Tensor], tasks: Sequence[int]) -> tuple[Tensor, ...]:
        """Representations of rows, joined; of tasks with one sort, as its encoder makes them."""
        made = [self._encoded(part, inputs, tasks) for part in self.places[tasks[0]]]
        if len(made) == 1:
            return made[0]
        return self._joined(self.joins, tasks, list(zip(*made, strict=True)))

    def width(self, task: int) -> int:
        """Of the join, or of the only encoder."""
        return self.widths[task]

    def parts(self, task: int) -> tuple[nn.Module, ...]:
        """Those of its encoders, then what joins them."""
        return tuple(module for stage in self.stages(task) for module in stage)

    def stages(self, task: int) -> Stages:
        """Its encoders side by side, all of which end together; then what joins them."""
        lines = [self._encoder(part).stages(place)[::-1] for part, place in self.places[task].items()]
        beside = [sum(stages, start=()) for stages in zip_longest(*lines, fillvalue=())]
        name = self.names[task]
        return (*beside[::-1], *((joins[name],) for joins in (self.sides, self.joins) if name in joins))

    def entrances(self, task: int) -> tuple[nn.Module, ...]:
        """Those of its encoders."""
        return tuple(
            module for part, place in self.places[task].items() for module in self._encoder(part).entrances(place)
        )

    def _encoder(self, part: InputPart) -> Encoder:
        return cast(Encoder, self.encoders[part])

    def _encoded(self, part: InputPart, inputs: Mixed[Tensor], tasks: Sequence[int]) -> tuple[Tensor, ...]:
        """What one encoder makes of its sort, for each task."""
        encoder, given = self._encoder(part), inputs.by_part()[part]
        places = [self.places[task][part] for task in tasks]
        if not isinstance(given, Pair):
            return encoder(given, places)  # type: ignore[no-any-return]
        sides = zip(encoder(given.left, places), encoder(given.right, places), strict=True)
        return self._joined(self.sides, tasks, [(*both, given.overlap) for both in sides])

    def _joined(
        self, joins: nn.ModuleDict, tasks: Sequence[int], made: Sequence[tuple[Tensor, ...]]
    ) -> tuple[Tensor, ...]:
        """What the joins make of each task's tensors; once of the same ones."""
        found: dict[tuple[object, ...], Tensor] = {}
        keys = [(self.names[task], *map(id, tensors)) for task, tensors in zip(tasks, made, strict=True)]
        for key, task, tensors in zip(keys, tasks, made, strict=True):
            if key not in found:
                found[key] = joins[self.names[task]](*tensors)
        return tuple(found[key] for key in keys)


def _built(part: InputPart, reader: EncoderConfig, layouts: Sequence[Layout], kinds: Sequence[str]) -> Encoder:
    """One of the encoders.

    Raises:
        MtlkdError: where it does not fit the layouts, at its own place in the mixed one.
    """
    try:
        return reader.build(layouts, kinds)
    except MtlkdError as error:
        where = error.where.replace("encoder", f"encoder.{part}", 1)
        raise MtlkdError(error.what, where=where, fix=error.fix) from error
