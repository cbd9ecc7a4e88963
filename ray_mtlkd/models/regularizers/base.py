"""What a regularizer is: a loss on a model's parameters that is no task's."""

from typing import ClassVar, Protocol, runtime_checkable

from torch import Tensor

from ray_mtlkd.models.regularizers.task_matrix import TaskMatrix
from ray_mtlkd.models.sharing.base import MultitaskModel


class Regularizer(Protocol):
    """A frozen dataclass whose fields are the hyper-parameters.

    Attributes:
        name: In the registry.
    """

    name: ClassVar[str]

    def penalty(self, model: MultitaskModel) -> Tensor | None:
        """A loss [], in the unit of the tasks' losses; pure. Its gradient is added to the step's, weighed by nobody.

        It may depend on any parameter but those of hash tables with sparse gradients. None where the model has nothing
        that it is about, or where the regularizer is a `ProximalRegularizer`.
        """


@runtime_checkable
class ProximalRegularizer(Protocol):
    """A regularizer R with a kink, which gradient steps would jump over: it moves parameters after each step."""

    def shrink(self, model: MultitaskModel, *, step: float) -> None:
        """Replace the parameters w by argmin_v ½‖v - w‖² + step · R(v), in place, without gradients.

        Args:
            model: After the optimizer's step.
            step: The learning rate of that step.
        """

    def value(self, model: MultitaskModel) -> Tensor:
        """R(w) []: what is watched."""


@runtime_checkable
class RelatingRegularizer(Protocol):
    """A regularizer that says how tasks are related, as it sees their heads."""

    def relations(self, matrix: TaskMatrix) -> Tensor:
        """[A, A] of the tasks that the matrix is of, without gradients; above 0: alike, below 0: opposed."""
