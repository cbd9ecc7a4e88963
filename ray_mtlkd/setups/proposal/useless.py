"""Which columns say nothing: names of rows, constants, what no model reads."""

import pyarrow.compute as pc

from ray_mtlkd.setups.cells import is_string
from ray_mtlkd.setups.proposal.profile import ColumnProfile

_INDICES = frozenset({"", "index", "idx", "unnamed: 0", "row", "row_id"})
_PARTS = frozenset({"split", "fold", "partition", "subset"})
FEW = 20
"""Rows below which different values say nothing."""


def why_useless(column: ColumnProfile) -> str | None:
    """Why nothing can be learned of a column."""
    folded = column.name.casefold()
    reasons = {
        "not UTF-8": column.sort == "other" and is_string(column.values.type),
        f"no model reads {column.values.type}": column.sort == "other",
        "empty": not len(column.values),
        "the same value in every row": column.sort in {"number", "text"} and column.distinct <= 1,
        "seems to say where the row belongs": folded in _PARTS,
        "another value in every row": column.rows > FEW and column.distinct == column.rows and _is_code(column),
        "names rows": folded in _INDICES or is_key(column),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _is_code(column: ColumnProfile) -> bool:
    """Whether values that all differ look as if somebody had counted, or made up a word a row."""
    if column.sort == "text":
        return column.words <= 1
    if not column.is_whole:
        return False
    ends = pc.min_max(column.values).as_py()
    return bool(ends["max"] - ends["min"] == len(column.values) - 1)


def is_key(column: ColumnProfile) -> bool:
    """Whether it is called like what names rows, or what they belong to."""
    folded = column.name.casefold()
    return column.sort in {"number", "text"} and (folded in {"id", "uuid", "guid"} or folded.endswith(("_id", " id")))
