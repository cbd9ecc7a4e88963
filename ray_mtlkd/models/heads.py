"""What a task owns of a model: its head."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ray_mtlkd.tasks.kinds import kind_of, start
from ray_mtlkd.tasks.task import Task


class Head(nn.Module):
    """Representations to raw outputs: [B] for binary and regression, else [B, K] or [tokens, K].

    Starts near the best constant predictor: its biases are that predictor's outputs.
    """

    def __init__(self, task: Task, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, task.outputs)
        with torch.no_grad():
            self.linear.bias.copy_(torch.tensor(start(task)))
        self.is_scalar = kind_of(task).is_scalar

    def forward(self, representations: Tensor) -> Tensor:
        """Outputs of representations [N, width]."""
        return self.shaped(self.linear(representations))

    def shaped(self, outputs: Tensor) -> Tensor:
        """Outputs [N, K] of the linear layer as the task's kind has them."""
        return outputs.squeeze(1) if self.is_scalar else outputs


def read_together(heads: Sequence[Head], representations: Sequence[Tensor]) -> list[Tensor]:
    """Outputs of every head on what it reads [A]; heads that read the same values go through one matrix product."""
    readers: dict[tuple[int, torch.Size], list[int]] = defaultdict(list)
    for at, representation in enumerate(representations):
        readers[representation.data_ptr(), representation.shape].append(at)
    outputs: dict[int, Tensor] = {}
    for together in readers.values():
        layers = [heads[at].linear for at in together]
        read = [representations[at] for at in together]
        outputs.update(
            (at, heads[at].shaped(part)) for at, part in zip(together, _linear_together(layers, read), strict=True)
        )
    return [outputs[at] for at in range(len(heads))]


def _linear_together(layers: Sequence[nn.Linear], inputs: Sequence[Tensor]) -> Sequence[Tensor]:
    """What each layer makes of the same values, which may be leaves of their own."""
    first = inputs[0]
    if len(layers) == 1:
        return [layers[0](first)]
    weights: list[Tensor] = [layer.weight for layer in layers]
    biases: list[Tensor] = [layer.bias for layer in layers]
    if any(each is not first for each in inputs):
        apart: tuple[Tensor, ...] = _LinearTogether.apply(*inputs, *weights, *biases)  # type: ignore[no-untyped-call]
        return apart
    found = functional.linear(first, torch.cat(weights), torch.cat(biases))
    return torch.split(found, [len(weight) for weight in weights], dim=1)


class _LinearTogether(torch.autograd.Function):
    """Linear layers on inputs of the same values, one product for all; each input gets its own layer's gradient.

    To ask autograd for these gradients would need a product a layer.
    """

    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Outputs [N, K_a] of inputs [N, W], weights [K_a, W] and biases [K_a], A of each."""
        count = len(tensors) // 3
        weights, biases = tensors[count : 2 * count], tensors[2 * count :]
        ctx.save_for_backward(tensors[0], *weights)
        found = functional.linear(tensors[0], torch.cat(weights), torch.cat(biases))
        return torch.split(found, [len(weight) for weight in weights], dim=1)

    @staticmethod
    def backward(ctx: Any, *by_outputs: Tensor) -> tuple[Tensor, ...]:
        """Of the inputs, the weights and the biases."""
        values, *weights = ctx.saved_tensors
        # in mixed precision only the forward is; autograd gives each gradient the precision of its tensor
        values, *gradients = (tensor.to(weights[0].dtype) for tensor in (values, *by_outputs))
        sizes, together = [len(weight) for weight in weights], torch.cat(gradients, dim=1)
        by_inputs = [gradient @ weight for gradient, weight in zip(gradients, weights, strict=True)]
        return (*by_inputs, *torch.split(together.T @ values, sizes), *torch.split(together.sum(0), sizes))
