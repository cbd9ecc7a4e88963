"""Which rows of a table belong together: a column that names what they belong to, e.g. the query of a candidate."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.cells import Rows, categories, nulls, said_rows

Numbers = NDArray[np.int64]


def read_groups(column: pa.Array, *, where: str) -> Numbers:
    """The number of each row's group [M]: the first that the column shows is 0.

    Raises:
        MtlkdError: where the column holds no strings or whole numbers, or names no group in some rows.
    """
    names = categories(column, where=where, missing=()).column
    if names.null_count:
        fix = "name the group of every row, or drop these rows"
        raise MtlkdError(f"{said_rows(nulls(names))} belong to no group", where=where, fix=fix)
    numbers: Numbers = names.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers


def bring_together(groups: Numbers, kept: Rows) -> tuple[Numbers, Numbers]:
    """Some rows [M] in the order of their groups, and in the file's within a group.

    Returns:
        Their places among the rows that are kept [N], and where each group that has any begins [G+1].
    """
    of_kept = groups[kept]
    order = np.argsort(of_kept, kind="stable")
    begins = np.flatnonzero(np.diff(of_kept[order], prepend=-1))
    return order, np.append(begins, len(order))
