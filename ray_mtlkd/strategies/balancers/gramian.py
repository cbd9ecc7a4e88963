"""What the methods that read the Gramian G = J J^T [A, A] of the shared gradients have in common.

They work on numpy where they need eigenvectors or solve systems, on Python's floats otherwise. A step measures cosines
to 1e-7 (its gradients are float32, sums of their products float64): what is below 1e-6 of a matrix's largest eigenvalue
is rounding, and treated as none.

Papers differ in whether they take sums, means or convex combinations. Here every method's weights are in the unit of
the plain sum (A where the paper's sum to 1), so that a learning rate, a penalty and a clipped norm mean the same with
all of them. Heads keep their own gradients.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ray_mtlkd.strategies.balancers.base import Weights

Array = NDArray[np.float64]

ROUNDING = 1e-6
"""Of the largest eigenvalue; added to the diagonal of cosines where lengths that cancel could grow without end."""


@dataclass(frozen=True, kw_only=True)
class Directions:
    """Gradients taken apart: norms [A] over the largest norm, cosines [A, A]; of a gradient of 0 both are 0."""

    norms: Array
    cosines: Array

    @property
    def inverse_norms(self) -> Array:
        """1 / norms [A]; 0 where the gradient is 0."""
        return np.divide(1.0, self.norms, out=np.zeros_like(self.norms), where=self.norms > 0)


def directions(gram: Sequence[Sequence[float]]) -> Directions:
    """Norms and cosines of the gradients with this Gramian."""
    matrix = np.array(gram, dtype=np.float64)
    norms = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    largest = norms.max()
    if largest == 0:
        return Directions(norms=norms, cosines=np.zeros_like(matrix))
    relative = norms / largest
    inverse = Directions(norms=relative, cosines=matrix).inverse_norms
    cosines = matrix / largest / largest * inverse[:, None] * inverse[None, :]
    return Directions(norms=relative, cosines=np.clip(cosines, -1.0, 1.0))


def in_own_unit(gram: Sequence[Sequence[float]]) -> Array:
    """The Gramian [A, A] over its trace, so that no threshold depends on the gradients' size; all 0 stay 0."""
    matrix = np.array(gram, dtype=np.float64)
    trace = np.trace(matrix)
    return matrix / trace if trace > 0 else np.zeros_like(matrix)


def root(gram: Array) -> Array:
    """R [A, A] with R^T R = gram, in which rounding has left no negative eigenvalue."""
    values, vectors = np.linalg.eigh(gram)
    rooted: Array = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    return rooted


def spectrum(gram: Array) -> tuple[Array, Array]:
    """Eigenvalues [R], ascending, and eigenvectors [A, R], without those that are rounding."""
    values, vectors = np.linalg.eigh(gram)
    real = values > ROUNDING * max(values[-1], 0.0)
    return values[real], vectors[:, real]


def pseudo_inverse(gram: Array, target: Array) -> Array:
    """The shortest x [A] that brings gram x closest to the target [A]."""
    values, vectors = spectrum(gram)
    found: Array = vectors @ ((vectors.T @ target) / values)
    return found


def on_shared(weights: Iterable[float]) -> Weights:
    """Weights of the shared gradients [A], beside which every head keeps its own gradient."""
    shared = tuple(float(weight) for weight in weights)
    return Weights(shared=shared, heads=(1.0,) * len(shared))
