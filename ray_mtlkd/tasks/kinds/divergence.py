"""How far what a student says is from what its teacher says: 0 where both say the same.

A soft cross-entropy holds the entropy of its target, which no student can lose, and, times τ², mostly that. Its
gradient is the same without; whoever reads losses is told how far the student is, not how unsure the teacher.
"""

from torch import Tensor


def beyond(entropy: Tensor, crossed: Tensor) -> Tensor:
    """A cross-entropy less its target's entropy, the Kullback-Leibler divergence: 0 or above, in the same shape.

    Args:
        entropy: Of the target, without a gradient.
        crossed: Of the target and the prediction, with the gradient that comes out.
    """
    divergence = crossed - entropy
    # rounding may lead below 0 where both say the same: what is told is then 0, and the gradient stays
    return divergence - divergence.detach().clamp(max=0)
