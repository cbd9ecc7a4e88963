"""Weights by the learned noise of each task."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Le

from ray_mtlkd.decode import document
from ray_mtlkd.ranges import Rate
from ray_mtlkd.strategies.balancers.adam import AdamState, learn
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts

_LARGEST = 20.0
"""Bound on |s|: a loss of exactly 0 would drive exp(-s) to infinity. A weight of e^20 is far beyond any sane run."""


@dataclass(frozen=True, kw_only=True)
class UncertaintyState:
    """Log variances [T] and Adam's moments of each [T]."""

    log_variances: tuple[float, ...]
    moments: tuple[AdamState, ...]


@document
class Uncertainty:
    """Weigh each task by the inverse of its learned noise.

    Kendall, Gal and Cipolla, "Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and Semantics",
    CVPR 2018, arXiv:1705.07115. With s_i = log sigma_i^2 learned beside the network (section 3.2 proposes to learn s,
    for stability)::

        regression      L_i / (2 sigma_i^2) + log sigma_i  =  1/2 exp(-s_i) L_i + 1/2 s_i       (eq. 7)
        classification  L_i / sigma_i^2     + log sigma_i  =      exp(-s_i) L_i + 1/2 s_i       (eq. 10)

    The network sees the weights of the state before the update, as in one joint backward pass. A task that distils
    keeps its log variance: its loss falls to 0 as it equals its teacher, which is no noise to learn, and would let its
    weight grow without bound.

    The task with the larger loss is held to be the noisier one:

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> balancer = Uncertainty(lr=0.1)
    >>> step = Signals(tasks=(0, 1), losses=(4.0, 0.1), regression=(False, False))
    >>> _, state = balancer.weigh(step, balancer.init(2))
    >>> weights, _ = balancer.weigh(step, state)
    >>> [round(weight, 3) for weight in weights.shared]
    [0.905, 1.105]

    Attributes:
        lr: Adam's learning rate of the log variances.
        log_variance: Where they start; 0 starts from the plain sum (regression tasks from half).
    """

    name: ClassVar[str] = "uncertainty"
    needs: ClassVar[Needs] = "losses"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Kendall, Gal and Cipolla 2018, arXiv:1705.07115",
        equation="eq. 7 and 10",
        guarantees=("no negative weight",),
    )

    lr: Rate = 0.01
    log_variance: Annotated[float, Ge(-_LARGEST), Le(_LARGEST)] = 0.0

    def init(self, num_tasks: int) -> UncertaintyState:
        """All log variances at their start."""
        return UncertaintyState(
            log_variances=(self.log_variance,) * num_tasks,
            moments=(AdamState(),) * num_tasks,
        )

    def weigh(self, signals: Signals, state: UncertaintyState) -> tuple[Weights, UncertaintyState]:
        """The weights of the present log variances, and these one Adam step further."""
        weights = tuple(
            (0.5 if regression else 1.0) * math.exp(-state.log_variances[task])
            for task, regression in zip(signals.tasks, signals.regression, strict=True)
        )
        gradients = {
            task: 0.5 - weight * loss
            for task, loss, weight in zip(signals.tasks, signals.losses, weights, strict=True)
            if task not in signals.distilling
        }
        log_variances, moments = learn(state.log_variances, state.moments, gradients, lr=self.lr, largest=_LARGEST)
        after = UncertaintyState(log_variances=log_variances, moments=moments)
        return Weights(shared=weights, heads=weights), after
