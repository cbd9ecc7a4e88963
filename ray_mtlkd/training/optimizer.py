"""AdamW for dense parameters and its lazy counterpart for hash tables, behind one handle."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from ray_mtlkd.models.build import MultitaskModel
from ray_mtlkd.training.adamw import AdamW
from ray_mtlkd.training.settings import Optimization


class Optimizer:
    """Fused AdamW over dense parameters; SparseAdam over hash tables, whose cost does not grow with the table.

    A parameter without gradient (the head of a task that took no batch) stays as it is, and so does its state.
    """

    def __init__(self, model: MultitaskModel, settings: Optimization) -> None:
        tables = _hash_tables(model)
        sparse = {id(p) for p in tables}
        self._parameters = list(model.parameters())
        dense = [p for p in self._parameters if id(p) not in sparse]
        self._dense = AdamW(dense, weight_decay=settings.weight_decay)
        self._sparse = torch.optim.SparseAdam(tables, lr=settings.lr) if tables else None
        self._settings = settings

    def step(self, share: float) -> None:
        """Apply the gradients and drop them; ``share`` of the budget is spent after this step."""
        if self._settings.clip_norm is not None:
            clip(self._parameters, self._settings.clip_norm)
        lr = self._settings.rate(share)
        self._dense.step(lr)
        if self._sparse is not None:
            for group in self._sparse.param_groups:
                group["lr"] = lr
            self._sparse.step()  # type: ignore[no-untyped-call]
            self._sparse.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, Tensor]:
        """The state, copied: ``{"dense.3.mean": ...}``."""
        tensors = {f"dense.{key}": value for key, value in self._dense.tensors().items()}
        if self._sparse is not None:
            tensors |= {
                f"sparse.{at}.{key}": torch.as_tensor(value).clone()
                for at, state in self._sparse.state_dict()["state"].items()
                for key, value in state.items()
            }
        return tensors

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what `tensors` gave."""
        self._dense.load(
            {key.removeprefix("dense."): value for key, value in tensors.items() if key.startswith("dense.")}
        )
        if self._sparse is None:
            return
        state: dict[int, dict[str, Tensor | int]] = {}
        for key, value in tensors.items():
            if key.startswith("sparse."):
                _, at, field = key.split(".")
                # SparseAdam counts its steps in a Python number
                state.setdefault(int(at), {})[field] = int(value) if field == "step" else value.clone()
        self._sparse.load_state_dict({"state": state, "param_groups": self._sparse.state_dict()["param_groups"]})


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
