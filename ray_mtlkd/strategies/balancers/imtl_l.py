"""IMTL-L: scales that make all losses alike."""

import math
from dataclasses import dataclass
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.ranges import Rate
from ray_mtlkd.strategies.balancers.adam import AdamState, learn
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts

_LARGEST = 20.0
"""Bound on |s|: a loss of exactly 0 would drive exp(s) to infinity."""


@dataclass(frozen=True, kw_only=True)
class IMTLLState:
    """Logarithms of the scales [T] and Adam's moments of each [T]."""

    scales: tuple[float, ...]
    moments: tuple[AdamState, ...]


@document
class IMTLL:
    """Learn for each task the scale that brings its loss to 1.

    Liu, Li, Kuang, Xue, Chen, Yang, Liao and Zhang, "Towards Impartial Multi-Task Learning", ICLR 2021,
    https://openreview.net/forum?id=IMPnRXEWpvr, section 3.3, with s_i learned beside the network::

        L = sum_i exp(s_i) L_i - s_i        w_i = exp(s_i)

    The network sees the weights of the state before the update. Unlike ``uncertainty`` it treats all kinds of losses
    alike. A task that distils keeps its scale.

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> balancer = IMTLL(lr=0.1)
    >>> step = Signals(tasks=(0, 1), losses=(4.0, 0.1), regression=(False, False))
    >>> _, state = balancer.weigh(step, balancer.init(2))
    >>> weights, _ = balancer.weigh(step, state)
    >>> [round(weight, 3) for weight in weights.shared]
    [0.905, 1.105]

    Attributes:
        lr: Adam's learning rate of the s_i.
    """

    name: ClassVar[str] = "imtl_l"
    needs: ClassVar[Needs] = "losses"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Liu et al. 2021, https://openreview.net/forum?id=IMPnRXEWpvr",
        equation="section 3.3",
        guarantees=("no negative weight",),
    )

    lr: Rate = 0.01

    def init(self, num_tasks: int) -> IMTLLState:
        """Every task weighs 1."""
        return IMTLLState(scales=(0.0,) * num_tasks, moments=(AdamState(),) * num_tasks)

    def weigh(self, signals: Signals, state: IMTLLState) -> tuple[Weights, IMTLLState]:
        """The weights of the present scales, and these one Adam step further."""
        weights = tuple(math.exp(state.scales[task]) for task in signals.tasks)
        gradients = {
            task: weight * loss - 1
            for task, loss, weight in zip(signals.tasks, signals.losses, weights, strict=True)
            if task not in signals.distilling
        }
        scales, moments = learn(state.scales, state.moments, gradients, lr=self.lr, largest=_LARGEST)
        return Weights(shared=weights, heads=weights), IMTLLState(scales=scales, moments=moments)
