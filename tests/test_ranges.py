from typing import Annotated

import pytest

from ray_mtlkd.decode import decode, document
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.ranges import (
    Distinct,
    Gpus,
    NaturalInt,
    NonNegativeFloat,
    OddInt,
    PositiveFloat,
    PositiveInt,
    Rate,
    Seed,
    Share,
    Widths,
    is_share,
)

RANGES = [
    (PositiveInt, [1, 7], [0, -1, 1.5, True]),
    (NaturalInt, [0, 7], [-1, 0.5]),
    (OddInt, [1, 3], [0, 2, -1]),
    (PositiveFloat, [1e-300, 1, 1e300], [0, -1.0, "1"]),
    (NonNegativeFloat, [0, 1.5], [-1e-300]),
    (Rate, [1e-9, 1], [0, 1.0000001]),
    (Share, [0, 0.999], [1, -0.1]),
    (Seed, [0, -1, 2**53, -(2**53)], [2**53 + 1, 2**63, 0.5]),
    (Gpus, [0, 0.25, 1, 2, 8.0], [-1, 1.5]),
    (Widths, [[1], [64, 1]], [[], [0], [1, -1]]),
]


@pytest.mark.parametrize(("kind", "inside", "outside"), RANGES, ids=range(len(RANGES)))
def test_a_range_holds_what_its_name_says_and_nothing_else(kind, inside, outside):
    for value in inside:
        found = decode(kind, value, where="x")
        assert (list(found) if isinstance(found, tuple) else found) == value
    for value in outside:
        with pytest.raises(MtlkdError) as caught:
            decode(kind, value, where="x")
        assert caught.value.where.startswith("x")


@pytest.mark.parametrize("gpus", [0, 0.25, 1, 1.0, 2, 8.0])
def test_ray_gives_a_part_of_a_gpu_or_whole_ones(gpus):
    assert is_share(gpus)


@pytest.mark.parametrize("gpus", [-1, 1.5, float("nan"), float("inf")])
def test_ray_gives_nothing_else(gpus):
    assert not is_share(gpus)


@document
class Server:
    gpus: Gpus = 0.0
    widths: Widths = (1,)


@pytest.mark.parametrize("wrong", [{"gpus": 1.5}, {"gpus": float("nan")}, {"widths": ()}, {"widths": (0,)}])
def test_a_range_holds_in_python_as_well(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Server(**wrong)


class Compared:
    def __init__(self, name, asked):
        self.name, self.asked = name, asked

    def __hash__(self):
        return hash(self.name)

    def __eq__(self, other):
        self.asked.append(other)
        return self.name == other.name


def test_whether_values_differ_is_asked_of_few_of_their_pairs(refused):
    asked = []
    values = tuple(Compared(at, asked) for at in range(5000))
    assert Distinct.func(values) == values
    assert len(asked) < 5000
    with refused():
        decode(Annotated[tuple[str, ...], Distinct], ["a", "b", "a", "c", "a"], where="x")
