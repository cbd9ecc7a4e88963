"""GLS: the geometric mean of the losses."""

import math
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.label_losses import LabelLosses, no_losses, read_losses


@document
class GeometricLoss:
    """Descend the geometric mean of the losses.

    Chennupati, Sistu, Yogamani and Rawashdeh, "MultiNet++: Multi-Stream Feature Aggregation and Geometric Loss Strategy
    for Multi-Task Learning", CVPR Workshops 2019, arXiv:1904.08492::

        L = (prod_i L_i)^(1 / A)        w_i = L / L_i

    (times A, as elsewhere here). The weights' ratios are those of ``scale_invariant``, and all fall as the losses do. A
    task that distils keeps its own.

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> balancer = GeometricLoss()
    >>> step = Signals(tasks=(0, 1), losses=(0.5, 2.0), regression=(False, False))
    >>> weights, _ = balancer.weigh(step, balancer.init(2))
    >>> [round(weight, 3) for weight in weights.shared]
    [2.0, 0.5]
    """

    name: ClassVar[str] = "gls"
    needs: ClassVar[Needs] = "losses"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Chennupati et al. 2019, arXiv:1904.08492",
        equation="(prod_i L_i)^(1 / A)",
        guarantees=("no negative weight", "scale-free"),
    )

    def init(self, num_tasks: int) -> LabelLosses:
        """No losses are known."""
        return no_losses(num_tasks)

    def weigh(self, signals: Signals, state: LabelLosses) -> tuple[Weights, LabelLosses]:
        """The geometric mean over each loss."""
        losses, known = read_losses(signals, state)
        mean = math.exp(sum(math.log(loss) for loss in losses) / len(losses))
        weights = tuple(mean / loss for loss in losses)
        return Weights(shared=weights, heads=weights), known
