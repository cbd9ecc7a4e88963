"""Multi-gate mixture of experts: several encoders that all tasks share, and a gate a task."""

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from torch import Tensor, nn

from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders.base import Encoder, EncoderConfig, Stages
from ray_mtlkd.models.sharing.gate import Gate
from ray_mtlkd.models.sharing.headed import HeadedModel, Tasks, build_encoder, side_by_side
from ray_mtlkd.ranges import SmallCount


@document
class MixtureOfExperts:
    """MMoE, Ma et al. 2018 (KDD, doi:10.1145/3219819.3220007), equations 6 to 8.

        y_k = h_k(f_k(x)),    f_k(x) = Σ_i g_k(x)_i e_i(x),    g_k(x) = softmax(W_k x)

    Every expert e_i is a whole encoder; h_k is the task's head. Unlike there, gates read what the experts say (`Gate`).
    One expert is hard sharing.

    Attributes:
        experts: 1 or more; the paper has 8 small ones. A step costs about so many times that of hard sharing.
    """

    name: ClassVar[str] = "mmoe"
    whole_layers: ClassVar[int | None] = None

    experts: SmallCount = 3

    def build(self, encoder: EncoderConfig, tasks: Tasks) -> "MixtureModel":
        """Experts for all tasks, a gate and a head a task."""
        return MixtureModel(encoder, tasks, experts=self.experts)


class MixtureModel(HeadedModel):
    """See `MixtureOfExperts`."""

    def __init__(self, config: EncoderConfig, tasks: Tasks, *, experts: int) -> None:
        super().__init__(len(tasks))
        self.experts = nn.ModuleList(build_encoder(config, tasks) for _ in range(experts))
        widths = [cast(Encoder, self.experts[0]).width(task) for task in range(len(tasks))]
        self.add_heads(tasks, widths, config)
        self.gates = nn.ModuleList(Gate(width, experts) for width in widths)

    def encode(self, inputs: Any, tasks: Sequence[int]) -> Sequence[tuple[Tensor, ...]]:
        """What each expert says."""
        return list(zip(*(expert(inputs, tasks) for expert in self.experts), strict=True))

    def refine(self, task: int, encoded: tuple[Tensor, ...]) -> Tensor:
        """What the task's gate makes of the experts."""
        mixed: Tensor = self.gates[task](encoded)
        return mixed

    def uses_to_represent(self, task: int) -> Stages:
        """All experts, side by side."""
        return side_by_side([cast(Encoder, expert).stages(task) for expert in self.experts])

    def uses_to_refine(self, task: int) -> Stages:
        """The task's gate."""
        return ((self.gates[task],),)
