"""Whether a model depends on what it says that it uses: gradients are taken by that, so that a slip would be silent."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ray_mtlkd.data.inputs import Inputs
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.sharing.base import MultitaskModel, split


def check_model(model: MultitaskModel, batches: Sequence[Inputs[Tensor]], *, where: str) -> None:
    """Ask autograd what each task's outputs depend on; the model is left as it was.

    Args:
        model: Its parameters require gradients.
        batches: Some rows of each task's inputs [T], on the model's device.
        where: Names the model in errors.

    Raises:
        MtlkdError: where a task's outputs depend on a parameter that `uses` does not name, or what `read` gives on a
            shared one although `uses_to_read` says otherwise, or outputs are not one tensor a task.
    """
    training = model.training
    model.eval()
    try:
        with torch.random.fork_rng(devices=[]):
            for task, inputs in enumerate(batches):
                _check_uses(model, task, inputs, where=where)
                _check_split(model, task, inputs, where=where)
    finally:
        model.train(training)


def check_penalty(model: MultitaskModel, penalty: Tensor, *, where: str) -> None:
    """Make sure that a penalty can be added to a step.

    Raises:
        MtlkdError: where it is no number, or its gradient would be as large as a hash table.
    """
    if penalty.ndim:
        raise MtlkdError(f"a penalty of shape {list(penalty.shape)}", where=where, fix="return one number")
    tables = sparse_tables(model)
    if penalty.requires_grad and tables and _dependent(penalty, list(tables.values())):
        fix = "leave tables with sparse gradients out: a step touches some of their rows, a penalty would touch all"
        raise MtlkdError(f"a penalty on {next(iter(tables))}", where=where, fix=fix)


def sparse_tables(model: nn.Module) -> dict[str, Tensor]:
    """The parameters with sparse gradients, by name."""
    return {
        f"{name}.weight".lstrip("."): module.weight
        for name, module in model.named_modules()
        if isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.sparse
    }


def _check_uses(model: MultitaskModel, task: int, inputs: Inputs[Tensor], *, where: str) -> None:
    found = model.outputs(inputs, [task])
    if len(found) != 1:
        fix = "return a tensor for each of the tasks that are asked for"
        raise MtlkdError(f"{len(found)} outputs for one task", where=f"{where}: outputs", fix=fix)
    used = {id(p) for p in model.used(task)}
    others = {name: p for name, p in model.named_parameters() if id(p) not in used}
    hidden = _dependent(found[0].sum(), list(others.values()))
    if hidden:
        names = [name for name, p in others.items() if any(p is each for each in hidden)]
        raise MtlkdError(
            f"the outputs of task {task} depend on {', '.join(names[:3])}, which `uses` does not name",
            where=f"{where}: uses",
            fix="name every module that the task's outputs go through",
        )


def _check_split(model: MultitaskModel, task: int, inputs: Inputs[Tensor], *, where: str) -> None:
    """Whether shared parameters are behind what a head reads."""
    parts = split(model)
    if parts is None:
        return
    (representation,) = parts.represent(inputs, [task])
    leaves = tuple(tensor.detach().requires_grad_() for tensor in representation)
    shared = [*model.shared(), *model.shared_sparse()]
    if _dependent(parts.read(task, leaves, inputs).sum(), shared):
        raise MtlkdError(
            f"task {task} uses shared parameters in `read`, which `uses_to_read` does not name",
            where=f"{where}: uses_to_read",
            fix="name every module that `read` goes through, or give the model `outputs` alone",
        )


def _dependent(value: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
    """Those of the parameters that the value depends on."""
    if not parameters or not value.requires_grad:
        return []
    gradients = torch.autograd.grad(value, parameters, allow_unused=True, retain_graph=True)
    return [p for p, gradient in zip(parameters, gradients, strict=True) if gradient is not None]
