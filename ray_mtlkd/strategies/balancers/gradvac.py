"""GradVac: gradients as similar to each other as they have been."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.ranges import UnitInterval
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.gramian import on_shared
from ray_mtlkd.strategies.balancers.pcgrad import order_of_others

_LEAST_SINE = 1e-3
"""A cosine this close to 1 cannot be reached by adding the other gradient: no finite multiple would do."""


@dataclass(frozen=True, kw_only=True)
class GradVacState:
    """Running mean of the cosine of each task's gradient with each other's [T][T]."""

    cosines: tuple[tuple[float, ...], ...]


@document
class GradVac:
    """Pull each task's gradient towards every other's, until their cosine is what it has been on average.

    Wang, Tsvetkov, Firat and Cao, "Gradient Vaccine: Investigating and Improving Multi-task Optimization in Massively
    Multilingual Models", ICLR 2021, arXiv:2010.05874, Algorithm 1. For every task i, starting from v = g_i::

        for the other tasks j in random order:
            p = cos(v, g_j)
            if p < p_ij:  v <- v + || v || (p_ij sqrt(1 - p^2) - p sqrt(1 - p_ij^2)) / (|| g_j || sqrt(1 - p_ij^2))  g_j
            p_ij <- (1 - beta) p_ij + beta p

    and the update is the sum of all v. p_ij starts at 0, where GradVac is PCGrad. As there, all of it is arithmetic on
    the Gramian: v = sum_k c_k g_k. What a pair remembers stays as it is while one of the two takes no batch, or has a
    gradient of 0, which has no cosine.

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> gram = ((1.0, -0.5), (-0.5, 1.0))
    >>> step = Signals(tasks=(0, 1), losses=(1.0, 1.0), regression=(False, False), gram=gram)
    >>> balancer = GradVac(beta=0.5)
    >>> weights, state = balancer.weigh(step, balancer.init(2))
    >>> weights.shared, state.cosines
    ((1.5, 1.5), ((0.0, -0.25), (-0.25, 0.0)))

    Attributes:
        beta: In [0, 1]: how much a step's cosine counts in the running mean; 0 is PCGrad.
    """

    name: ClassVar[str] = "gradvac"
    needs: ClassVar[Needs] = "gram"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Wang et al. 2021, arXiv:2010.05874", equation="Algorithm 1", guarantees=("no negative weight",)
    )

    beta: UnitInterval = 0.5

    def init(self, num_tasks: int) -> GradVacState:
        """All gradients are expected to be orthogonal."""
        return GradVacState(cosines=((0.0,) * num_tasks,) * num_tasks)

    def weigh(self, signals: Signals, state: GradVacState) -> tuple[Weights, GradVacState]:
        """The sum of all pulled gradients, as weights of the original ones; each is at least 1."""
        active = range(len(signals.tasks))
        expected = [list(row) for row in state.cosines]
        pulled = []
        for i in active:
            coefficients, products = [float(k == i) for k in active], list(signals.gram[i])
            for j in order_of_others(i, len(active), signals.rng):
                met = _meet(coefficients, products, j, squared=signals.gram[j][j])
                if met is None:
                    continue
                cosine, length = met
                target = expected[signals.tasks[i]][signals.tasks[j]]
                expected[signals.tasks[i]][signals.tasks[j]] += self.beta * (cosine - target)
                if cosine < target:
                    step = length * _pull(cosine, target)
                    coefficients[j] += step
                    products = [
                        product + step * inner for product, inner in zip(products, signals.gram[j], strict=True)
                    ]
            pulled.append(coefficients)
        shared = (sum(row[k] for row in pulled) for k in active)
        return on_shared(shared), GradVacState(cosines=tuple(map(tuple, expected)))


def _meet(
    coefficients: Sequence[float], products: Sequence[float], j: int, *, squared: float
) -> tuple[float, float] | None:
    """Cosine of v = sum_k c_k g_k and g_j, and || v || / || g_j ||; None where one of them is 0.

    Args:
        coefficients: c [A].
        products: v . g_k of every task k [A].
        j: The other task.
        squared: || g_j ||^2.
    """
    own = sum(c * product for c, product in zip(coefficients, products, strict=True))
    if own <= 0 or squared <= 0:
        return None
    length, other = math.sqrt(own), math.sqrt(squared)
    return min(max(products[j] / length / other, -1.0), 1.0), length / other


def _pull(cosine: float, target: float) -> float:
    """How much of g_j, in || v || / || g_j ||, makes the cosine of v what it is to be."""
    sine = max(math.sqrt(1 - target * target), _LEAST_SINE)
    return max(target * math.sqrt(1 - cosine * cosine) - cosine * sine, 0.0) / sine
