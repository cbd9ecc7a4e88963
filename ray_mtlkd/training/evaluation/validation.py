"""The validation metrics of one evaluation."""

from collections.abc import Collection, Sequence

from torch import Tensor

from ray_mtlkd.data.examples import SetupTables
from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.training.evaluation.evaluate import measure, outputs_of
from ray_mtlkd.training.evaluation.noise import Validated, without_groups
from ray_mtlkd.training.evaluation.predicted import measurable


def validate(
    model: MultitaskModel, tables: SetupTables[Tensor], tasks: Sequence[int], *, closely: Collection[int]
) -> dict[int, Validated]:
    """What the tasks reach on validation.

    Args:
        model: Left in evaluation mode.
        tables: Of all tasks of the model.
        tasks: Which are measured.
        closely: Of which also without groups of rows, so that what they gain has a standard error.
    """
    found = {}
    for task, outputs in zip(tasks, outputs_of(model, tables, "valid", tasks), strict=True):
        table = tables.tasks[task]
        value = measure(table.task, outputs, table.valid)
        part = measurable(table, "valid", outputs.cpu().numpy()) if task in closely else None
        found[task] = Validated(value=value, without=() if part is None else without_groups(part))
    return found
