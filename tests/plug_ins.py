"""Somebody else's parts, in files outside the package."""

BALANCER = '''
from dataclasses import dataclass
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights


@document
class Halved:
    """Every loss by half."""

    name: ClassVar[str] = "halved"
    needs: ClassVar[Needs] = "losses"

    factor: float = 0.5

    def init(self, num_tasks: int) -> tuple[()]:
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        weights = (self.factor,) * len(signals.tasks)
        return Weights(shared=weights, heads=weights), state
'''

CURRICULUM = '''
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.curricula.base import Role
from ray_mtlkd.strategies.curricula.transitions import finish_or, newly_converged, settle, start_all


@document
class ToTheEnd:
    """All tasks train together, whatever is said of them."""

    name: ClassVar[str] = "to_the_end"
    role: ClassVar[Role] = "baseline"
    own_models: ClassVar[bool] = False
    rewinds: ClassVar[bool] = False

    def begin(self, facts):
        return start_all(facts)

    def advance(self, state, verdicts):
        state = settle(state, newly_converged(state, verdicts), phase="labels")
        return state, finish_or(state, ())
'''
