"""Small inputs of every form, and tasks on them, for whatever is held to a contract."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ray_mtlkd.data.features import InputPart, Layout
from ray_mtlkd.data.inputs import Bag, Dense, DenseTokens, Inputs, Mixed, Pair, Tokens
from ray_mtlkd.models.encoders import EncoderConfig
from ray_mtlkd.models.encoders.mixed import MixedEncoder
from ray_mtlkd.tasks.kinds import KINDS
from ray_mtlkd.tasks.task import Task

BUCKETS, HASHES, COLUMNS, CODES, OVERLAP = 200, 3, 4, (5, 3), 2
LENGTHS = (3, 1, 6, 2, 4)
"""Of the rows, in tokens."""
_PAIRED = frozenset({"Bag", "Tokens"})


@dataclass(frozen=True)
class Example:
    """One kind of task on one form of inputs.

    Attributes:
        parts: Of mixed inputs, each sort that they have, and its form.
    """

    kind: str
    form: str
    is_pair: bool = False
    parts: tuple[tuple[InputPart, str], ...] = ()

    @property
    def task(self) -> Task:
        """Of three classes, where the kind has any."""
        classes = () if KINDS[self.kind].is_scalar else ("O", "B-x", "I-x")
        return Task(name=f"{self.kind}_{self.form}", kind=self.kind, metric="-", classes=classes)

    @property
    def layout(self) -> Layout:
        """Of the inputs."""
        overlap = OVERLAP if self.is_pair else None
        return {
            "Mixed": Layout(form="Mixed", parts=tuple((part, each.layout) for part, each in self._by_part().items())),
            "Dense": Layout(form="Dense", width=COLUMNS, cardinalities=CODES),
            "DenseTokens": Layout(form="DenseTokens", width=COLUMNS),
            "Bag": Layout(form="Bag", buckets=BUCKETS, overlap=overlap),
            "Tokens": Layout(form="Tokens", width=HASHES, buckets=BUCKETS, ngrams=BUCKETS, overlap=overlap),
        }[self.form]

    def __str__(self) -> str:
        forms = " + ".join(form for _, form in self.parts) or self.form
        return f"{self.kind} on {forms}{' pairs' * self.is_pair}"

    def inputs(self, lengths: Sequence[int] = LENGTHS, *, seed: int = 0) -> Inputs[Tensor]:
        """Rows of the given lengths (a dense row has none)."""
        if self.parts:
            made: dict[str, Any] = {part: of.inputs(lengths, seed=seed) for part, of in self._by_part().items()}
            return Mixed(**made)
        if not self.is_pair:
            return _side(self.form, lengths, seed=seed)
        left, right = (_side(self.form, side, seed=seed + at) for at, side in enumerate((lengths, lengths[::-1])))
        overlap = torch.rand(len(lengths), OVERLAP, generator=torch.Generator().manual_seed(seed))
        return Pair(left, right, overlap)  # type: ignore[arg-type]  # of bags and tokens only

    def _by_part(self) -> dict[InputPart, "Example"]:
        """Of each sort of mixed inputs."""
        return {part: Example(self.kind, form, self.is_pair and part == "text") for part, form in self.parts}


def examples_of(encoder: EncoderConfig | type[EncoderConfig]) -> list[Example]:
    """Every kind of task, on every form of inputs, that an encoder serves."""
    if isinstance(encoder, MixedEncoder):
        return list(_mixed_examples(encoder))
    return [
        Example(kind, form, is_pair)
        for kind, form in encoder.forms.items()
        for is_pair in ((False, True) if form in _PAIRED and not KINDS[kind].per_token else (False,))
    ]


def _mixed_examples(encoder: MixedEncoder) -> Iterator[Example]:
    """Rows of all sorts, tokens of each by itself."""
    for kind in encoder.forms:
        forms = [(part, of.forms[kind]) for part, of in encoder.by_part().items() if kind in of.forms]
        if KINDS[kind].per_token:
            yield from (Example(kind, "Mixed", parts=(each,)) for each in forms if each[0] != "columns")
            continue
        yield Example(kind, "Mixed", parts=tuple(forms))
        if forms[0][1] in _PAIRED:
            yield Example(kind, "Mixed", is_pair=True, parts=tuple(forms))


def _side(form: str, lengths: Sequence[int], *, seed: int) -> Inputs[Tensor]:
    draw = torch.Generator().manual_seed(seed)
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    total = int(offsets[-1])
    if form == "Dense":
        codes = [torch.randint(0, size, (len(lengths),), generator=draw) for size in CODES]
        return Dense(torch.randn(len(lengths), COLUMNS, generator=draw), torch.stack(codes, dim=1))
    if form == "DenseTokens":
        return DenseTokens(torch.randn(total, COLUMNS, generator=draw), offsets)
    bag = Bag(torch.randint(0, BUCKETS, (total,), generator=draw), torch.rand(total, generator=draw), offsets)
    if form == "Bag":
        return bag
    return Tokens(torch.randint(0, BUCKETS, (total, HASHES), generator=draw), offsets, bag)
