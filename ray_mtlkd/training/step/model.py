"""A model for tables: built, where the tables are, and checked before anything trains."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.modules.module import register_module_module_registration_hook

from ray_mtlkd.data.examples import TaskTables
from ray_mtlkd.data.inputs import take
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.architecture import Architecture, build, penalty_of
from ray_mtlkd.models.check import check_model, check_penalty
from ray_mtlkd.models.encoders.pretrained import fill
from ray_mtlkd.models.sharing import MultitaskModel

_ROWS = 2
"""Of each task's table, which tell what its outputs depend on."""


_MOST_MODULES = 5000
"""Of a model: each is a call of Python's for every task of every step."""
_COPIES = 4
"""Of a parameter while it trains: itself, its gradient and Adam's two moments."""


def outline(architecture: Architecture, tables: Sequence[TaskTables[Tensor]], *, where: str) -> MultitaskModel:
    """The model of an architecture without a byte of memory, once it is sure that it may train on this machine.

    Raises:
        MtlkdError: where it takes more memory than there is, or so many modules that a step would take minutes.
    """
    with torch.device("meta"), _few_modules(where):
        model = build(architecture, [(table.task, table.layout) for table in tables])
    count = sum(parameter.numel() for parameter in model.parameters())
    needed = _COPIES * sum(parameter.numel() * parameter.itemsize for parameter in model.parameters())
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        what = f"a model of {count:,} parameters takes {needed / 1e9:,.0f} GB to train, and here are {there / 1e9:,.0f}"
        raise MtlkdError(what, where=where, fix="make it narrower, or give it fewer layers or experts")
    return model


@contextmanager
def _few_modules(where: str) -> Iterator[None]:
    """Refuse a model of too many modules while it is built in the body, before it takes long."""
    found = 0

    def count(*_: object) -> None:
        nonlocal found
        found += 1
        if found > _MOST_MODULES:
            what, fix = f"a model of more than {_MOST_MODULES:,} modules", "give it fewer layers or experts"
            raise MtlkdError(what, where=where, fix=fix)

    hook = register_module_module_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()


def model_for(architecture: Architecture, tables: Sequence[TaskTables[Tensor]]) -> MultitaskModel:
    """The model of an architecture for the tables' tasks, on the tables' device, in training mode.

    Initial values come from torch's global generator alone: seed it first.

    Raises:
        MtlkdError: where the architecture does not fit a task, or gradients of the model would be wrong.
        ExceptionGroup: of ``MtlkdError``, where it does not fit several.
    """
    model = build(architecture, [(table.task, table.layout) for table in tables])
    pretrained = tables[0].pretrained
    if pretrained is not None:
        fill(model, pretrained)
    model.to(tables[0].train.labels.device)
    rows = [take(table.train.inputs, table.train.row_ids[:_ROWS]) for table in tables]
    check_model(model, rows, where=f"sharing {architecture.sharing.name}")
    penalty = penalty_of(model, architecture)
    if penalty is not None:
        check_penalty(model, penalty, where="penalty")
    return model
