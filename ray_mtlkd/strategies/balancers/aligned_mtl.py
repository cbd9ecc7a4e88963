"""Aligned-MTL: gradients made orthogonal and equally long."""

from typing import ClassVar, Literal

import numpy as np

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.gramian import in_own_unit, on_shared, spectrum


@document
class AlignedMTL:
    """Step along the sum of the gradients after their principal components were made equally long.

    Senushkin, Patakin, Kuznetsov and Konushin, "Independent Component Alignment for Multi-Task Learning", CVPR 2023,
    arXiv:2305.19000, Algorithm 1. With G = V diag(lambda) V^T, without eigenvalues of 0::

        w  =  sigma V diag(lambda)^-1/2 V^T 1        sigma^2 = the least lambda

    The aligned gradients are the orthogonal matrix closest to the gradients, times sigma. The paper weighs tasks by
    given preferences; here all count 1.

    Two gradients that agree are one strong component and one weak one, which counts as much:

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> gram = ((1.0, 0.6), (0.6, 1.0))
    >>> step = Signals(tasks=(0, 1), losses=(1.0, 1.0), regression=(False, False), gram=gram)
    >>> weights, _ = AlignedMTL().weigh(step, ())
    >>> [round(weight, 6) for weight in weights.shared]
    [0.5, 0.5]

    Attributes:
        scale: Which of the eigenvalues all components get: the least as in the paper, the median, or (``rmse``) the
            mean as in its code.
    """

    name: ClassVar[str] = "aligned_mtl"
    needs: ClassVar[Needs] = "gram"
    facts: ClassVar[MethodFacts] = MethodFacts(paper="Senushkin et al. 2023, arXiv:2305.19000", equation="Algorithm 1")

    scale: Literal["min", "median", "rmse"] = "min"

    def init(self, num_tasks: int) -> tuple[()]:  # noqa: ARG002 - any number of tasks fits
        """Nothing to remember."""
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        """The weights of the aligned sum; those of the plain sum where all gradients are 0."""
        values, vectors = spectrum(in_own_unit(signals.gram))
        if len(values) == 0:
            return on_shared(np.ones(len(signals.tasks))), state
        common = {"min": values[0], "median": values[(len(values) - 1) // 2], "rmse": values.mean()}[self.scale]
        return on_shared(vectors @ (np.sqrt(common / values) * vectors.sum(axis=0))), state
