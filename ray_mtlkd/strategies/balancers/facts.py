"""Where a method is from and what it promises: for the table of strategies, and for the tests that hold it to that."""

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeVar, get_args

from ray_mtlkd.strategies.balancers.base import Balancer

S = TypeVar("S")

Guarantee = Literal["no negative weight", "no conflict", "scale-free"]
"""What a method promises of every step, up to rounding.

- ``no negative weight``: no task's loss is ever climbed on purpose.
- ``no conflict``: the update opposes no task's gradient, G w >= 0, so that a small step harms no task.
- ``scale-free``: a task whose loss is in another unit (a constant times it) changes nothing of the update's direction.
"""
GUARANTEES: tuple[Guarantee, ...] = get_args(Guarantee)


@dataclass(frozen=True, kw_only=True)
class MethodFacts:
    """Where a method is from, and what it promises.

    Attributes:
        paper: Authors, year, and arXiv number or address; None for what needs none.
        equation: What is computed.
        guarantees: Held by the tests, on drawn and on degenerate steps.
    """

    paper: str | None
    equation: str
    guarantees: tuple[Guarantee, ...] = ()


class DescribedBalancer(Balancer[S], Protocol[S]):
    """A balancer of this package, which says where it is from; anybody else's need not."""

    facts: ClassVar[MethodFacts]
