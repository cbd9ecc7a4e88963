"""AdamW on PyTorch's own fused kernel, without `torch.optim.Optimizer`.

Its first instance in a process imports ``torch._dynamo``, as long again as PyTorch itself, and its bookkeeping takes
half of a small model's update.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw

_BETAS = (0.9, 0.999)
_EPS = 1e-8


class FusedAdamW:
    """Bit for bit `torch.optim.AdamW` with ``fused=True`` and its default betas and eps, and its state's names.

    Args:
        parameters: A parameter without gradient stays as it is, and so does its state.
    """

    def __init__(self, parameters: Iterable[Tensor], *, lr: float, weight_decay: float) -> None:
        self.param_groups: list[dict[str, float]] = [{"lr": lr, "weight_decay": weight_decay}]
        self._parameters = list(parameters)
        self._state: dict[int, dict[str, Tensor]] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Apply the gradients."""
        at = [index for index, parameter in enumerate(self._parameters) if parameter.grad is not None]
        states = [self._state.get(index) or self._begin(index) for index in at]
        (group,) = self.param_groups
        adamw(
            [self._parameters[index] for index in at],
            [grad for index in at if (grad := self._parameters[index].grad) is not None],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            amsgrad=False,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=_EPS,
            maximize=False,
        )

    def zero_grad(self, *, set_to_none: bool = True) -> None:
        """Drop the gradients, or make them zero."""
        for parameter in self._parameters:
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.zero_()

    def state_dict(self) -> dict[str, Any]:
        """The state of each parameter that has one, by its place, and the hyper-parameters."""
        return {"state": self._state, "param_groups": self.param_groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self._state = {
            index: {name: tensor.to(self._parameters[index].device) for name, tensor in state.items()}
            for index, state in state_dict["state"].items()
        }
        self.param_groups = state_dict["param_groups"]

    def _begin(self, index: int) -> dict[str, Tensor]:
        parameter = self._parameters[index]
        state = {
            "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
            "exp_avg": torch.zeros_like(parameter),
            "exp_avg_sq": torch.zeros_like(parameter),
        }
        self._state[index] = state
        return state
