"""What several teachers say together."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.tasks.task import Task


def mean_outputs(task: Task, outputs: Sequence[Tensor]) -> Tensor:
    """Raw outputs whose probabilities are the means of several models'; of numbers and rankings, the mean outputs.

    Args:
        task: Whose they are.
        outputs: [N], [N, K] each; of one model, they come back as they are.
    """
    if len(outputs) == 1:
        return outputs[0]
    kind, parts = kind_of(task), torch.stack([part.double() for part in outputs])
    if kind.confidence is None:
        return parts.mean(dim=0).float()
    if kind.is_exclusive:
        return _log_mean(parts.log_softmax(dim=-1)).float()
    positive, negative = (_log_mean(torch.nn.functional.logsigmoid(each)) for each in (parts, -parts))
    return (positive - negative).float()


def _log_mean(logs: Tensor) -> Tensor:
    """Logarithm of the mean over the first dimension of what has these logarithms."""
    return logs.logsumexp(dim=0) - torch.tensor(float(len(logs)), dtype=logs.dtype).log()
