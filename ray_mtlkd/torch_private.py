"""What the step uses of PyTorch's that PyTorch does not promise to keep, each under a name of ours.

Nothing else in this package calls it. Every function has a public counterpart that gives the same numbers and takes
longer; the tests compare the two, so that a new release of PyTorch is told by name.
"""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

Tensors = list[Tensor] | tuple[Tensor, ...]
"""What torch takes for many tensors: no other sequence."""

_SUM = 0
"""The mode of `torch.embedding_bag`."""


def copy_each(targets: Tensors, sources: Tensors) -> None:
    """``targets[i] = sources[i]`` in one call: ``torch._foreach_copy_`` for a loop of `Tensor.copy_`."""
    torch._foreach_copy_(targets, sources)


def add_each(targets: Tensors, sources: Tensors) -> None:
    """``targets[i] += sources[i]`` in one call: ``torch._foreach_add_`` for a loop of `Tensor.add_`."""
    torch._foreach_add_(targets, sources)


def add_number(targets: Tensors, number: float) -> None:
    """``targets[i] += number`` in one call: ``torch._foreach_add_`` for a loop of `Tensor.add_`."""
    torch._foreach_add_(targets, number)


def scale_each(targets: Tensors, factor: Tensor) -> None:
    """``targets[i] *= factor`` [] in one call: ``torch._foreach_mul_`` for a loop of `Tensor.mul_`."""
    torch._foreach_mul_(targets, factor)


def move_each(targets: Tensors, towards: Tensors, share: float) -> None:
    """``targets[i] += share (towards[i] - targets[i])`` in one call: ``torch._foreach_lerp_`` for `Tensor.lerp_`."""
    torch._foreach_lerp_(targets, towards, share)


def adamw(
    parameters: Tensors,
    gradients: Tensors,
    *,
    means: Tensors,
    squares: Tensors,
    steps: Tensors,
    lr: float,
    betas: tuple[float, float],
    weight_decay: float,
    epsilon: float,
) -> None:
    """One step of AdamW in place: ``torch._fused_adamw_`` for `torch.optim.AdamW` with ``fused=True``.

    What an `torch.optim.Optimizer` does around the kernel (hooks, profiling, a walk over its groups) takes longer
    than the update of a small network.
    """
    torch._fused_adamw_(
        parameters,
        gradients,
        means,
        squares,
        [],
        steps,
        lr=lr,
        beta1=betas[0],
        beta2=betas[1],
        weight_decay=weight_decay,
        eps=epsilon,
        amsgrad=False,
        maximize=False,
    )


def adam(
    parameters: Tensors,
    gradients: Tensors,
    *,
    means: Tensors,
    squares: Tensors,
    steps: Tensors,
    lr: float,
    betas: tuple[float, float],
    epsilon: float,
) -> None:
    """One step of Adam in place: ``torch._fused_adam_`` for `torch.optim.Adam` with ``fused=True``."""
    torch._fused_adam_(
        parameters,
        gradients,
        means,
        squares,
        [],
        steps,
        lr=lr,
        beta1=betas[0],
        beta2=betas[1],
        weight_decay=0.0,
        eps=epsilon,
        amsgrad=False,
        maximize=False,
    )


def content(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Rows [n] of a sparse gradient, which may name one more than once, and values [n, D].

    ``Tensor._indices`` and ``Tensor._values`` for `Tensor.indices` and `Tensor.values`, which refuse a gradient that is
    not coalesced; to coalesce it first would sort its rows once more.
    """
    return gradient._indices()[0], gradient._values()  # noqa: SLF001 - see above


def row_sums(table: Tensor, ids: Tensor, offsets: Tensor, weights: Tensor | None) -> Tensor:
    """Sums [B, D] of the rows of a table that the ids [n] of each bag name, times weights [n]; offsets [B+1].

    ``torch.embedding_bag``, which has no documentation and takes its arguments by place, for
    `torch.nn.functional.embedding_bag`, which checks and converts them anew at each call.
    """
    return torch.embedding_bag(table, ids, offsets, False, _SUM, False, weights, True)[0]  # noqa: FBT003 - by place


def with_submodules(module: nn.Module, others: Mapping[str, nn.Module | None]) -> nn.Module:
    """The module with others in it at some paths, all else shared: a copy of what leads there for `copy.deepcopy`."""
    for path, other in others.items():
        module = _with_submodule(module, path, other)
    return module


def _with_submodule(module: nn.Module, path: str, other: nn.Module | None) -> nn.Module:
    name, _, rest = path.partition(".")
    found = copy.copy(module)
    here = module._modules  # noqa: SLF001 - torch has no public way to set a module in a copy alone
    inside = here[name]
    there = _with_submodule(inside, rest, other) if rest and inside is not None else other
    found._modules = {**here, name: there}  # noqa: SLF001 - likewise
    return found
