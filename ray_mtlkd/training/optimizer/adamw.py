"""AdamW by torch's own fused kernel, called directly.

What `torch.optim.Optimizer` does around the kernel (hooks, profiling, a walk over its groups) takes longer than the
update of a small network, and its first instance in a process imports a compiler.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ray_mtlkd.torch_private import adamw, add_number

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8


class AdamW:
    """Loshchilov and Hutter 2019 (arXiv:1711.05101, Algorithm 2), with the constants and the state of torch's.

    A parameter without gradient stays as it is, and so does its state.

    Args:
        parameters: With dense gradients; on the device where they stay.
        weight_decay: Decoupled.
    """

    def __init__(self, parameters: Sequence[Tensor], *, weight_decay: float) -> None:
        self._parameters = list(parameters)
        self._weight_decay = weight_decay
        self._steps = torch.zeros(len(self._parameters), device=parameters[0].device)
        self._step_views = list(self._steps.unbind())
        self._means = [torch.zeros_like(p, requires_grad=False) for p in parameters]
        self._squares = [torch.zeros_like(p, requires_grad=False) for p in parameters]

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Apply the gradients and drop them."""
        trained = [(at, p.grad) for at, p in enumerate(self._parameters) if p.grad is not None]
        every, gradients = len(trained) == len(self._parameters), [gradient for _, gradient in trained]
        parameters, means, squares, steps = (
            tensors if every else [tensors[at] for at, _ in trained]
            for tensors in (self._parameters, self._means, self._squares, self._step_views)
        )
        if every:
            self._steps.add_(1)
        else:
            add_number(steps, 1)
        adamw(
            parameters,
            gradients,
            means=means,
            squares=squares,
            steps=steps,
            lr=lr,
            betas=_BETAS,
            weight_decay=self._weight_decay,
            epsilon=_EPSILON,
        )
        for p in parameters:
            p.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """The state, copied: ``{"steps": [n], "3.mean": ..., "3.square": ...}``."""
        return {name: tensor.clone() for name, tensor in self._state().items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what `tensors` gave."""
        for name, tensor in self._state().items():
            tensor.copy_(tensors[name])

    def _state(self) -> dict[str, Tensor]:
        return {
            "steps": self._steps,
            **{f"{at}.mean": mean for at, mean in enumerate(self._means)},
            **{f"{at}.square": square for at, square in enumerate(self._squares)},
        }
