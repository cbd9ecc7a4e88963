"""DB-MTL: logarithms of losses, and gradients of one length."""

import math
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.label_losses import LabelLosses, no_losses, read_losses


@document
class DBMTL:
    """Descend the logarithms of the losses, their shared gradients all as long as the longest.

    Lin, Jiang, Ye, Zhang, Chen, Chen, Liu, Tsang and Kwok, "Dual-Balancing for Multi-Task Learning", 2023,
    arXiv:2308.12029, Algorithm 1 with beta = 0: the gradient of log L_i is g_i / L_i, and::

        update   =  m sum_i g_i / || g_i ||        m = max_j || g_j || / L_j
        heads    =  1 / L_i

    The paper's moving average of the gradients themselves (beta) would take another T x P numbers, and is not offered;
    ``smooth:db_mtl`` averages the weights. A gradient of 0 weighs 0. A task that distils keeps the loss that it had on
    labels.

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> gram = ((1.0, 0.0), (0.0, 9.0))
    >>> step = Signals(tasks=(0, 1), losses=(0.5, 1.0), regression=(False, False), gram=gram)
    >>> balancer = DBMTL()
    >>> weights, _ = balancer.weigh(step, balancer.init(2))
    >>> weights.shared, weights.heads
    ((3.0, 1.0), (2.0, 1.0))
    """

    name: ClassVar[str] = "db_mtl"
    needs: ClassVar[Needs] = "gram"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Lin et al. 2023, arXiv:2308.12029",
        equation="Algorithm 1, beta = 0",
        guarantees=("no negative weight", "scale-free"),
    )

    def init(self, num_tasks: int) -> LabelLosses:
        """No losses are known."""
        return no_losses(num_tasks)

    def weigh(self, signals: Signals, state: LabelLosses) -> tuple[Weights, LabelLosses]:
        """The longest of the logarithms' gradients over each gradient's length, and the inverse losses of heads."""
        losses, known = read_losses(signals, state)
        norms = [math.sqrt(max(row[at], 0.0)) for at, row in enumerate(signals.gram)]
        longest = max(norm / loss for norm, loss in zip(norms, losses, strict=True))
        shared = tuple(longest / norm if norm > 0 else 0.0 for norm in norms)
        return Weights(shared=shared, heads=tuple(1 / loss for loss in losses)), known
