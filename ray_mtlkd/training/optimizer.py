"""AdamW for dense parameters and its lazy counterpart for hash tables, behind one handle."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ray_mtlkd.models.build import MultitaskModel
from ray_mtlkd.training.settings import Optimization


class Optimizer:
    """Fused AdamW over dense parameters; SparseAdam over hash tables, whose cost does not grow with the table.

    A parameter without gradient (the head of a task that took no batch) stays as it is, and so does its state.
    """

    def __init__(self, model: MultitaskModel, settings: Optimization) -> None:
        tables = _hash_tables(model)
        sparse = {id(p) for p in tables}
        dense = [p for p in model.parameters() if id(p) not in sparse]
        self._parts: dict[str, torch.optim.Optimizer] = {
            "dense": torch.optim.AdamW(dense, lr=settings.lr, weight_decay=settings.weight_decay, fused=True)
        }
        if tables:
            self._parts["sparse"] = torch.optim.SparseAdam(tables, lr=settings.lr)

    def step(self) -> None:
        """Apply the gradients and drop them."""
        for part in self._parts.values():
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


def _hash_tables(model: nn.Module) -> list[Tensor]:
    return [
        module.weight
        for module in model.modules()
        if isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.sparse
    ]
