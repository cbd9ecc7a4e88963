"""A fixed part of a train table: what a team has that labelled less."""

import numpy as np
import pyarrow as pa

from ray_mtlkd.errors import MtlkdError

_SEED = 0
"""Of every table's order: which rows are drawn depends on nothing that a sweep varies."""


def draw_rows(table: pa.Table, rows: int, *, where: str) -> pa.Table:
    """Some rows of a table, in its order; the rows of a smaller draw are among those of a larger one.

    Raises:
        MtlkdError: where the table has fewer.
    """
    if rows > table.num_rows:
        what = f"{rows} rows are to be drawn of {table.num_rows}"
        raise MtlkdError(what, where=where, fix=f"set `rows` to at most {table.num_rows}, or leave it out")
    order = np.random.default_rng(_SEED).permutation(table.num_rows)
    return table.take(np.sort(order[:rows]))
