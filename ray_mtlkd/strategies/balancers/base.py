"""What a balancer is: how the losses of one step become one update."""

import random
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, TypeVar, get_args, get_type_hints

from ray_mtlkd.errors import MtlkdError

Needs = Literal["losses", "norms", "gram"]
NEEDS: tuple[Needs, ...] = get_args(Needs)
S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class Signals:
    """What the loop measured in this step, for the A tasks that took a batch.

    Attributes:
        tasks: Index of each active task among all T, ascending [A].
        losses: [A].
        regression: Whether the task's loss is a squared error [A].
        names: Of each active task [A].
        distilling: Those of ``tasks`` that learn from a teacher: their loss says how far they are from it, not how far
            they have come, and falls to 0 where they hold what they know.
        skills: Skill of each active task on validation, at the last evaluation; None before its first [A].
        norms: Where ``needs`` is ``"norms"``: norm of the unweighted loss's gradient at the last shared layer [A].
        gram: Where ``needs`` is ``"gram"``: inner products of the shared gradients [A][A].
        rng: Where chance comes from; its state is checkpointed.
    """

    tasks: tuple[int, ...]
    losses: tuple[float, ...]
    regression: tuple[bool, ...]
    names: tuple[str, ...] = ()
    distilling: frozenset[int] = frozenset()
    skills: tuple[float | None, ...] = ()
    norms: tuple[float, ...] = ()
    gram: tuple[tuple[float, ...], ...] = ()
    rng: random.Random = field(default_factory=random.Random)


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The update: shared parameters get sum_i shared[i] g_i, the head of task i gets heads[i] times its own gradient.

    Of a balancer that ``needs`` losses alone both are the same: each loss is weighed as a whole, in one backward pass.

    Attributes:
        shared: [A].
        heads: [A].
    """

    shared: tuple[float, ...]
    heads: tuple[float, ...]


class Balancer(Protocol[S]):
    """A frozen dataclass whose fields are the hyper-parameters; both methods are pure.

    A state is plain data (tuples of numbers, None, nested tuples or frozen dataclasses of these), so that a checkpoint
    can hold it as JSON; it is read again by the type that `init` says that it returns.
    """

    needs: ClassVar[Needs]

    @property
    def name(self) -> str:
        """What search spaces and reports call it; mostly a class variable."""

    def init(self, num_tasks: int) -> S:
        """The state before the first step.

        Raises:
            MtlkdError: where a hyper-parameter does not fit the number of tasks.
        """

    def weigh(self, signals: Signals, state: S) -> tuple[Weights, S]:
        """The weights of this step and the next state."""


def state_type(balancer: Balancer[Any]) -> type[Any]:
    """What a balancer's states are, as `init` declares it.

    Raises:
        MtlkdError: where it does not.
    """
    try:
        declared: type[Any] = get_type_hints(type(balancer).init)["return"]
    except (KeyError, NameError) as error:
        raise MtlkdError(
            f"`{type(balancer).__name__}.init` does not say what it returns",
            where="balancer",
            fix="annotate it with the type of the state: a checkpoint is read by that type",
        ) from error
    return declared
