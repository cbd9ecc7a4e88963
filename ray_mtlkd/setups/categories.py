"""Categories of all tables as the values that train shows."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.manifest import TaskSpec
from ray_mtlkd.setups.plain import whole
from ray_mtlkd.setups.unseen import find_unseen, refuse_unseen, said_unseen
from ray_mtlkd.setups.values import canonical, value_type


def by_train(
    specs: Sequence[TaskSpec],
    tables: Sequence[Mapping[str, pa.Table]],
    problems: list[MtlkdError],
    warnings: list[str],
) -> list[dict[str, pa.Table]]:
    """Input columns of tasks that name the same ones, with equal texts for equal categories in all of them.

    Args:
        specs: Of the tasks.
        tables: Of each, its inputs by the table's name, checked.
        problems: Takes columns of which too many categories are not in the task's train.
        warnings: Takes what else is not.
    """
    made = [dict(splits) for splits in tables]
    for column in specs[0].columns.categorical if specs[0].columns is not None else ():
        shown = pc.unique(pa.concat_arrays([whole(splits["train"][column]) for splits in tables]).drop_null())
        values = value_type(shown.to_pylist())
        for splits in made:
            for split in list(splits):
                at = splits[split].column_names.index(column)
                texts = canonical(whole(splits[split][column]), values)
                splits[split] = splits[split].set_column(at, column, texts)
    for spec, splits in zip(specs, made, strict=True):
        _tell_unseen(spec, splits, problems, warnings)
    return made


def _tell_unseen(
    spec: TaskSpec, splits: Mapping[str, pa.Table], problems: list[MtlkdError], warnings: list[str]
) -> None:
    assert spec.columns is not None  # noqa: S101 - the caller asked for its columns
    known = {column: pc.unique(whole(splits["train"][column])) for column in spec.columns.categorical}
    for split in (name for name in splits if name != "train"):
        found = {column: find_unseen(whole(splits[split][column]), known[column]) for column in known}
        unseen = {column: told for column, told in found.items() if told is not None}
        fix = "correct the column, leave it out, or raise `allow_unseen`"
        problems.extend(refuse_unseen(unseen, spec.allow_unseen, where=f"{spec.data}/{split}", fix=fix))
        if unseen:
            warnings.append(f"{spec.data}/{split}: {said_unseen(unseen)}: they are read as missing")
