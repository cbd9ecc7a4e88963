"""Inputs as flat arrays, changed and cut out."""

from dataclasses import fields, is_dataclass, replace

import torch

from ray_mtlkd.data.inputs import take


def mapped(value, change):
    """A table with every array of it changed."""
    if is_dataclass(value):
        return type(value)(**{part.name: mapped(getattr(value, part.name), change) for part in fields(value)})
    return value if value is None or isinstance(value, int) else change(value)


def with_own_rows(tables):
    """Each task's train rows without those of other tasks of the same form."""

    def cut(train):
        first = int(train.row_ids.min())
        found = take(mapped(train.inputs, torch.from_numpy), slice(first, int(train.row_ids.max()) + 1))
        return replace(train, inputs=mapped(found, torch.Tensor.numpy), row_ids=train.row_ids - first)

    return replace(tables, tasks=tuple(replace(table, train=cut(table.train)) for table in tables.tasks))
