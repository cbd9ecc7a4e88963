"""Small inputs of every form, and tasks on them, for whatever is held to a contract."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Bag, Dense, DenseTokens, Inputs, Pair, Tokens
from ray_mtlkd.models.encoders import EncoderConfig
from ray_mtlkd.tasks.kinds import KINDS
from ray_mtlkd.tasks.task import Task

BUCKETS, HASHES, COLUMNS, CODES, OVERLAP = 200, 3, 4, (5, 3), 2
LENGTHS = (3, 1, 6, 2, 4)
"""Of the rows, in tokens."""
_PAIRED = frozenset({"Bag", "Tokens"})


@dataclass(frozen=True)
class Example:
    """One kind of task on one form of inputs."""

    kind: str
    form: str
    is_pair: bool = False

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
            "Dense": Layout(form="Dense", width=COLUMNS, cardinalities=CODES),
            "DenseTokens": Layout(form="DenseTokens", width=COLUMNS),
            "Bag": Layout(form="Bag", buckets=BUCKETS, overlap=overlap),
            "Tokens": Layout(form="Tokens", width=HASHES, buckets=BUCKETS, ngrams=BUCKETS, overlap=overlap),
        }[self.form]

    def __str__(self) -> str:
        return f"{self.kind} on {self.form}{' pairs' * self.is_pair}"

    def inputs(self, lengths: Sequence[int] = LENGTHS, *, seed: int = 0) -> Inputs[Tensor]:
        """Rows of the given lengths (a dense row has none)."""
        if not self.is_pair:
            return _side(self.form, lengths, seed=seed)
        left, right = (_side(self.form, side, seed=seed + at) for at, side in enumerate((lengths, lengths[::-1])))
        overlap = torch.rand(len(lengths), OVERLAP, generator=torch.Generator().manual_seed(seed))
        return Pair(left, right, overlap)  # type: ignore[arg-type]  # of bags and tokens only


def examples_of(encoder: EncoderConfig | type[EncoderConfig]) -> list[Example]:
    """Every kind of task, on every form of inputs, that an encoder serves."""
    return [
        Example(kind, form, is_pair)
        for kind, form in encoder.forms.items()
        for is_pair in ((False, True) if form in _PAIRED and not KINDS[kind].per_token else (False,))
    ]


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
