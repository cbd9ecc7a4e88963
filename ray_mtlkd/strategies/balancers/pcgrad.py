"""PCGrad: gradients without what conflicts with other tasks."""

import random
from collections.abc import Sequence
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts


@document
class PCGrad:
    """Take from each task's gradient what conflicts with another's.

    Yu, Kumar, Gupta, Levine, Hausman and Finn, "Gradient Surgery for Multi-Task Learning", NeurIPS 2020,
    arXiv:2001.06782. Algorithm 1, for every task i, starting from v = g_i::

        for the other tasks j in random order:
            if v . g_j < 0:   v <- v - (v . g_j) / ||g_j||^2  g_j       (g_j is the original gradient)

    and the update is the sum of all v. Every v stays a combination of the original gradients, v = sum_k c_k g_k, and
    asks of them only inner products. With the Gramian G = J J^T, all of it is arithmetic on T x T numbers::

        v . g_j  =  (c G)_j          ||g_j||^2  =  G_jj          v - a g_j  is  c_j - a

    The result is exact, at a cost that does not depend on the number of parameters.
    Only the shared parameters are in conflict: each head keeps its own gradient.

    Of two gradients that pull apart, each gets half of the other added:

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> gram = ((1.0, -0.5), (-0.5, 1.0))
    >>> step = Signals(tasks=(0, 1), losses=(1.0, 1.0), regression=(False, False), gram=gram)
    >>> weights, _ = PCGrad().weigh(step, ())
    >>> weights.shared, weights.heads
    ((1.5, 1.5), (1.0, 1.0))
    """

    name: ClassVar[str] = "pcgrad"
    needs: ClassVar[Needs] = "gram"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Yu et al. 2020, arXiv:2001.06782", equation="Algorithm 1", guarantees=("no negative weight",)
    )

    def init(self, num_tasks: int) -> tuple[()]:  # noqa: ARG002 - any number of tasks fits
        """Nothing to remember."""
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        """The sum of all projected gradients, as weights of the original ones; each is at least 1."""
        active = range(len(signals.tasks))
        projected = [_project(i, signals.gram, order=order_of_others(i, len(active), signals.rng)) for i in active]
        shared = tuple(sum(row[k] for row in projected) for k in active)
        return Weights(shared=shared, heads=(1.0,) * len(active)), state


def _project(i: int, gram: Sequence[Sequence[float]], *, order: Sequence[int]) -> list[float]:
    """Coefficients [A] of task i's gradient after its projections, in the given order of the others."""
    coefficients = [float(k == i) for k in range(len(gram))]
    products = list(gram[i])
    for j in order:
        squared_norm = gram[j][j]
        if products[j] < 0 and squared_norm > 0:
            step = -products[j] / squared_norm
            coefficients[j] += step
            products = [product + step * inner for product, inner in zip(products, gram[j], strict=True)]
    return coefficients


def order_of_others(i: int, count: int, rng: random.Random) -> list[int]:
    """The order in which task i meets the other tasks, drawn."""
    order = [j for j in range(count) if j != i]
    rng.shuffle(order)
    return order
