"""AdamW by torch's own fused kernel, called directly.

What `torch.optim.Optimizer` does around the kernel (hooks, profiling, a walk over its groups) takes longer than the
update of a small network, and its first instance in a process imports a compiler.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ray_mtlkd.torch_private import adamw, add_number

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8


class AdamW:
    """Loshchilov and Hutter 2019 (arXiv:1711.05101, Algorithm 2), with the constants and the state of torch's.

    A parameter without gradient stays as it is, and so does its state.

    Args:
        parameters: With dense gradients; on the device where they stay.
        weight_decay: Decoupled.
        factors: On the learning rate, by parameter; 1 unless told.
    """

    def __init__(
        self, parameters: Sequence[Tensor], *, weight_decay: float, factors: Mapping[nn.Parameter, float] | None = None
    ) -> None:
        self._parameters = list(parameters)
        self._weight_decay = weight_decay
        self._steps = torch.zeros(len(self._parameters), device=parameters[0].device)
        self._step_views = list(self._steps.unbind())
        self._means = [torch.zeros_like(p, requires_grad=False) for p in parameters]
        self._squares = [torch.zeros_like(p, requires_grad=False) for p in parameters]
        self._places: dict[float, list[int]] = defaultdict(list)
        known = {id(p): factor for p, factor in (factors or {}).items()}
        for at, p in enumerate(self._parameters):
            self._places[known.get(id(p), 1.0)].append(at)

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Apply the gradients and drop them."""
        for factor, places in self._places.items():
            trained = [(at, gradient) for at in places if (gradient := self._parameters[at].grad) is not None]
            if trained:
                self._move([at for at, _ in trained], [gradient for _, gradient in trained], lr=factor * lr)

    def _move(self, places: Sequence[int], gradients: list[Tensor], *, lr: float) -> None:
        every = len(places) == len(self._parameters)
        parameters, means, squares, steps = (
            tensors if every else [tensors[at] for at in places]
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
