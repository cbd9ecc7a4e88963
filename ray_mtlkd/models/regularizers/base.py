"""What a regularizer is: a loss on a model's parameters that is no task's."""

from typing import ClassVar, Protocol

from torch import Tensor

from ray_mtlkd.models.sharing.base import MultitaskModel


class Regularizer(Protocol):
    """A frozen dataclass whose fields are the hyper-parameters.

    Attributes:
        name: In the registry.
    """

    name: ClassVar[str]

    def penalty(self, model: MultitaskModel) -> Tensor:
        """A loss [], in the unit of the tasks' losses; pure. Its gradient is added to the step's, weighed by nobody.

        It may depend on any parameter but those of hash tables with sparse gradients.
        """
