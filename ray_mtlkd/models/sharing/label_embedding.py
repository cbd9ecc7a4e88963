"""What other tasks read of a task's prediction."""

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from ray_mtlkd.models.sharing.headed import Tasks
from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.tasks.task import Task


class LabelEmbedding(nn.Module):
    """Σ_k p_k e_k over a task's classes (Hashimoto et al. 2017, arXiv:1611.01587, section 2.2).

    Where answers do not exclude each other, each has its own probability p_k; a number is p_1 itself.
    """

    def __init__(self, task: Task, width: int) -> None:
        super().__init__()
        kind = kind_of(task)
        self.is_exclusive, self.has_threshold = kind.is_exclusive, kind.has_threshold
        self.linear = nn.Linear(task.outputs, width, bias=False)

    def forward(self, outputs: Tensor) -> Tensor:
        """Embeddings [N, width] of raw outputs [N] or [N, K]."""
        rows = outputs.unsqueeze(1) if outputs.ndim == 1 else outputs
        if self.is_exclusive:
            rows = rows.softmax(dim=1)
        elif self.has_threshold:
            rows = rows.sigmoid()
        return cast(Tensor, self.linear(rows))


def companions(tasks: Tasks, widths: Sequence[int]) -> list[list[int]]:
    """The tasks whose predictions there are for a task's inputs, itself among them [T].

    Those that read representations of the same width, of words both or of rows both, and of inputs of the same sorts. A
    pair of texts by itself has a representation only behind its own join, so such a task is alone.
    """
    keys = [
        (kind_of(task).per_token, width, layout.sorts) if layout.overlap is None else at
        for at, ((task, layout), width) in enumerate(zip(tasks, widths, strict=True))
    ]
    return [[other for other, key in enumerate(keys) if key == own] for own in keys]
