"""Whether a model depends on what it says that it uses: gradients are taken by that, so that a slip would be silent."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ray_mtlkd.data.inputs import Inputs
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.sharing import MultitaskModel, SplitModel, sparse_tables, split


def check_model(model: MultitaskModel, batches: Sequence[Inputs[Tensor]], *, where: str) -> None:
    """Ask autograd what each task's outputs depend on; the model is left as it was.

    Args:
        model: Its parameters require gradients, but for those that stay as they are.
        batches: Some rows of each task's inputs [T], on the model's device.
        where: Names the model in errors.

    Raises:
        MtlkdError: where a task's outputs depend on a parameter that `uses` does not name, or what `read` gives on a
            shared one although `uses_to_read` says otherwise, or outputs are not one tensor a task.
    """
    training, parts = model.training, split(model)
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    common = {id(p) for p in (*model.shared(), *model.shared_sparse())}
    shared = {name: p for name, p in named.items() if id(p) in common}
    model.eval()
    try:
        with torch.random.fork_rng(devices=[]):
            for task, inputs in enumerate(batches):
                used = {id(p) for p in model.used(task)}
                others = {name: p for name, p in named.items() if id(p) not in used}
                _check_uses(model, task, inputs, others=others, where=where)
                if parts is not None:
                    _check_split(parts, task, inputs, shared=shared, where=where)
    finally:
        model.train(training)


def check_penalty(model: MultitaskModel, penalty: Tensor, *, where: str) -> None:
    """Make sure that a penalty can be added to a step.

    Raises:
        MtlkdError: where it is no number, or its gradient would be as large as a hash table.
    """
    if penalty.ndim:
        raise MtlkdError(f"a penalty of shape {list(penalty.shape)}", where=where, fix="return one number")
    pulled = _dependent(penalty, sparse_tables(model))
    if pulled:
        fix = "leave tables with sparse gradients out: a step touches some of their rows, a penalty would touch all"
        raise MtlkdError(f"a penalty on {pulled[0]}", where=where, fix=fix)


def _check_uses(
    model: MultitaskModel, task: int, inputs: Inputs[Tensor], *, others: Mapping[str, Tensor], where: str
) -> None:
    """Whether the task's outputs depend on none of the ``others``, which it does not say that it uses."""
    found = model.outputs(inputs, [task])
    if len(found) != 1:
        fix = "return a tensor for each of the tasks that are asked for"
        raise MtlkdError(f"{len(found)} outputs for one task", where=f"{where}: outputs", fix=fix)
    hidden = _dependent(found[0].sum(), others)
    if hidden:
        raise MtlkdError(
            f"the outputs of task {task} depend on {', '.join(hidden[:3])}, which `uses` does not name",
            where=f"{where}: uses",
            fix="name every module that the task's outputs go through",
        )


def _check_split(
    model: SplitModel, task: int, inputs: Inputs[Tensor], *, shared: Mapping[str, Tensor], where: str
) -> None:
    """Whether shared parameters are behind what a head reads."""
    (representation,) = model.represent(inputs, [task])
    leaves = tuple(tensor.detach().requires_grad_() for tensor in representation)
    if _dependent(model.read(task, leaves, inputs).sum(), shared):
        raise MtlkdError(
            f"task {task} uses shared parameters in `read`, which `uses_to_read` does not name",
            where=f"{where}: uses_to_read",
            fix="name every module that `read` goes through, or give the model `outputs` alone",
        )


def _dependent(value: Tensor, parameters: Mapping[str, Tensor]) -> list[str]:
    """The names of those parameters that the value depends on."""
    if not parameters or not value.requires_grad:
        return []
    gradients = torch.autograd.grad(value, list(parameters.values()), allow_unused=True, retain_graph=True)
    return [name for name, gradient in zip(parameters, gradients, strict=True) if gradient is not None]
