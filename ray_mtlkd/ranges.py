"""Ranges that the fields of documents declare, by names that read well there.

A text beside a validator says what it lets through, for `ray_mtlkd.described`.
"""

from collections import Counter
from collections.abc import Hashable
from typing import Annotated, TypeVar

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import AfterValidator, BeforeValidator

from ray_mtlkd.decode import LARGEST, refuse
from ray_mtlkd.errors import MtlkdError

H = TypeVar("H", bound=Hashable)

PositiveInt = Annotated[int, Ge(1)]
SmallCount = Annotated[int, Ge(1), Le(1000)]
"""How many there are of something that is made one by one: layers, experts."""
Seed = Annotated[int, Ge(-LARGEST), Le(LARGEST)]
"""What decides random draws: a whole number that every file keeps as it is."""
NaturalInt = Annotated[int, Ge(0)]
PositiveFloat = Annotated[float, Gt(0)]
NonNegativeFloat = Annotated[float, Ge(0)]
Rate = Annotated[float, Gt(0), Le(1)]
"""A learning rate of a few numbers, in (0, 1]."""
Share = Annotated[float, Ge(0), Lt(1)]
"""A part of a whole that leaves some of it, in [0, 1): of units that are dropped, of a budget."""
OpenShare = Annotated[float, Gt(0), Lt(1)]
"""A part of a whole that is neither nothing nor all of it, in (0, 1)."""
Fraction = Annotated[float, Gt(0), Le(1)]
"""A part of a whole, or all of it, in (0, 1]."""
UnitInterval = Annotated[float, Ge(0), Le(1)]
Widths = Annotated[tuple[PositiveInt, ...], MinLen(1), MaxLen(100)]
"""One number or more, up to 100, each 1 or above."""


def _as_text(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_as_text)]
"""A text that may look like a number or a truth value: a name of a class, a cell of a table."""


def _odd(number: int) -> int:
    if number % 2 == 0:
        refuse([MtlkdError(f"{number} is even", where="", fix="give an odd number")])
    return number


OddInt = Annotated[PositiveInt, AfterValidator(_odd), "an odd number"]


def is_share(gpus: float) -> bool:
    """Whether Ray gives a process so much: a part of one GPU, or whole ones."""
    return 0 <= gpus <= 1 or (gpus > 1 and float(gpus).is_integer())


def _share(gpus: float) -> float:
    if not is_share(gpus):
        refuse([MtlkdError(f"{gpus:g} GPUs", where="", fix="give a part of one, from 0 to 1, or a whole number")])
    return gpus


Gpus = Annotated[float, AfterValidator(_share), "a part of one, from 0 to 1, or a whole number"]
"""What Ray gives a process: a part of one GPU, or whole ones."""


def _distinct(values: tuple[H, ...]) -> tuple[H, ...]:
    repeated = [value for value, count in Counter(values).items() if count > 1]
    refuse(MtlkdError(f"{value!r} stands here twice", where="", fix="name each once") for value in repeated)
    return values


Distinct = AfterValidator(_distinct)
"""On a tuple, whose values all differ."""
