"""Tasks that read each other's first predictions before their own last one."""

from collections.abc import Sequence
from typing import ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from ray_mtlkd.data.inputs import Inputs
from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders.base import EncoderConfig, Stages
from ray_mtlkd.models.heads import Head
from ray_mtlkd.models.sharing.hard import HardSharingModel
from ray_mtlkd.models.sharing.headed import Tasks
from ray_mtlkd.models.sharing.label_embedding import LabelEmbedding, companions
from ray_mtlkd.ranges import PositiveInt

Direction = Literal["forward", "backward", "both"]


@document
class Interaction:
    """Xia and Ding 2019 (arXiv:1906.01267), section 3.2, for any number of tasks.

    Each task's head makes a first prediction of the shared representation r. A task reads those of others as label
    embeddings y (`LabelEmbedding`), which is a linear head on [r; y] whose part over r is the first prediction:

        outputs_t = head_t(r) + Σ_s C_ts y_s(head_s(r))

    `forward` is Inter-EC there, emotions first: a task reads those before it in the setup. `backward` is Inter-CE: it
    reads those after it. Gradients go back to whom it reads. Only tasks whose representations are of one sort read each
    other: taggers, or texts; a pair of texts is alone.

    Attributes:
        direction: Who reads whom.
        embedding: Width of a label embedding.
    """

    name: ClassVar[str] = "interaction"
    whole_layers: ClassVar[int | None] = None

    direction: Direction = "both"
    embedding: PositiveInt = 8

    def build(self, encoder: EncoderConfig, tasks: Tasks) -> "InteractionModel":
        """One encoder, a head a task, and what it reads of others."""
        return InteractionModel(self, encoder, tasks)


class InteractionModel(HardSharingModel):
    """See `Interaction`.

    Attributes:
        others: Whose predictions each task reads [T].
    """

    def __init__(self, interaction: Interaction, config: EncoderConfig, tasks: Tasks) -> None:
        super().__init__(config, tasks)
        lines = companions(tasks, [self.encoder.width(task) for task in range(len(tasks))])
        self.others = [
            [other for other in line if _reads(interaction.direction, task, other)] for task, line in enumerate(lines)
        ]
        read = sorted({other for others in self.others for other in others})
        self.embeddings = nn.ModuleDict(
            {str(task): LabelEmbedding(tasks[task][0], interaction.embedding) for task in read}
        )
        self.corrections = nn.ModuleDict(
            {
                str(task): nn.Linear(len(others) * interaction.embedding, tasks[task][0].outputs, bias=False)
                for task, others in enumerate(self.others)
                if others
            }
        )

    def read(self, task: int, representation: tuple[Tensor, ...], inputs: Inputs[Tensor]) -> Tensor:
        """The first prediction, and what others' add to it."""
        first = super().read(task, representation, inputs)
        if not self.others[task]:
            return first
        said = [self.embeddings[str(at)](self.heads[at](*representation)) for at in self.others[task]]
        added = self.corrections[str(task)](torch.cat(said, dim=1))
        return first + cast(Head, self.heads[task]).shaped(added)

    def read_all(
        self, tasks: Sequence[int], representations: Sequence[tuple[Tensor, ...]], inputs: Inputs[Tensor]
    ) -> list[Tensor]:
        """Head by head."""
        return [self.read(task, of, inputs) for task, of in zip(tasks, representations, strict=True)]

    def uses_to_read(self, task: int) -> Stages:
        """The heads and embeddings of those that it reads, and its own."""
        others = self.others[task]
        heads = tuple(self.heads[at] for at in others)
        embeddings = tuple(self.embeddings[str(at)] for at in others)
        added = (heads, embeddings, (self.corrections[str(task)],)) if others else ()
        return (*added, *super().uses_to_read(task))


def _reads(direction: Direction, task: int, other: int) -> bool:
    return {"forward": other < task, "backward": other > task, "both": other != task}[direction]
