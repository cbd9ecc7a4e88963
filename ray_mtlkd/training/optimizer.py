"""AdamW for dense parameters and its lazy counterpart for hash tables, behind one handle."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from ray_mtlkd.models.build import MultitaskModel
from ray_mtlkd.training.fused_adamw import FusedAdamW
from ray_mtlkd.training.settings import Optimization


class Optimizer:
    """Fused AdamW over dense parameters; SparseAdam over hash tables, whose cost does not grow with the table.

    A parameter without gradient (the head of a task that took no batch) stays as it is, and so does its state.
    """

    def __init__(self, model: MultitaskModel, settings: Optimization) -> None:
        tables = _hash_tables(model)
        sparse = {id(p) for p in tables}
        dense = [p for p in model.parameters() if id(p) not in sparse]
        self._parts: dict[str, torch.optim.Optimizer | FusedAdamW] = {
            "dense": FusedAdamW(dense, lr=settings.lr, weight_decay=settings.weight_decay)
        }
        if tables:
            self._parts["sparse"] = torch.optim.SparseAdam(tables, lr=settings.lr)
        self._settings = settings
        self._parameters = list(model.parameters())

    def step(self, share: float) -> None:
        """Apply the gradients and drop them; ``share`` of the budget is spent after this step."""
        if self._settings.clip_norm is not None:
            clip(self._parameters, self._settings.clip_norm)
        for part in self._parts.values():
            for group in part.param_groups:
                group["lr"] = self._settings.rate(share)
            part.step()
            part.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, Tensor]:
        """The state, copied: ``{"dense.3.exp_avg": ...}``."""
        return {
            f"{name}.{index}.{key}": torch.as_tensor(value).clone()
            for name, part in self._parts.items()
            for index, state in part.state_dict()["state"].items()
            for key, value in state.items()
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what `tensors` gave."""
        for name, part in self._parts.items():
            state: dict[int, dict[str, Tensor | int]] = {}
            for key, value in tensors.items():
                owner, index, field = key.split(".")
                if owner == name:
                    # SparseAdam counts its steps in a Python number
                    kept = int(value) if name == "sparse" and field == "step" else value.clone()
                    state.setdefault(int(index), {})[field] = kept
            part.load_state_dict({"state": state, "param_groups": part.state_dict()["param_groups"]})


def clip(parameters: Iterable[Tensor], largest: float) -> None:
    """Scale all gradients so that their common norm is at most ``largest`` (Pascanu et al. 2013, arXiv:1211.5063)."""
    gradients = []
    for parameter in parameters:
        if parameter.grad is not None and parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()  # a row's parts must be added up before they are squared
            gradients.append(parameter.grad.values())
        elif parameter.grad is not None:
            gradients.append(parameter.grad)
    scale = (largest / (torch.nn.utils.get_total_norm(gradients) + 1e-6)).clamp(max=1.0)
    torch._foreach_mul_(gradients, scale)


def _hash_tables(model: nn.Module) -> list[Tensor]:
    return [
        module.weight
        for module in model.modules()
        if isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.sparse
    ]
