"""A model for tables: built, where the tables are, and checked before anything trains."""

from collections.abc import Sequence

from torch import Tensor

from ray_mtlkd.data.examples import TaskTables
from ray_mtlkd.data.inputs import take
from ray_mtlkd.models.architecture import Architecture, build, penalty_of
from ray_mtlkd.models.check import check_model, check_penalty
from ray_mtlkd.models.pretrained import fill
from ray_mtlkd.models.sharing import MultitaskModel

_ROWS = 2
"""Of each task's table, which tell what its outputs depend on."""


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
