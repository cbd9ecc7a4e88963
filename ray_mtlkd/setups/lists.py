"""Lists in one text a row, e.g. ``red;blue``: what CSV files hold in their place."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.setups.cells import is_string, strings
from ray_mtlkd.setups.plain import list_offsets


def split_cells(column: pa.Array, separator: str | None, *, where: str, missing: tuple[str, ...] = ()) -> pa.Array:
    """A column of texts as large_list<large_string>; any other as it is, and all of them without a separator.

    Spaces around an element do not count, and empty ones are none: an empty text is an empty list.

    Args:
        column: In one piece and in a plain type.
        separator: What stands between two elements.
        where: Names the column.
        missing: Texts that mean that there is no list.

    Raises:
        MtlkdError: where a text is not UTF-8.
    """
    if separator is None or not is_string(column.type):
        return column
    texts = strings(column, where=where)
    is_missing = pc.is_in(texts, value_set=pa.array([*missing, None], texts.type))
    lists = pc.split_pattern(pc.if_else(is_missing, pa.scalar("", texts.type), texts), separator)
    elements = pc.utf8_trim_whitespace(lists.flatten())
    is_some = pc.not_equal(elements, "").to_numpy(zero_copy_only=False)
    ends = np.concatenate([[0], np.cumsum(is_some)])[list_offsets(lists)]
    made = pa.LargeListArray.from_arrays(pa.array(ends), elements.filter(pa.array(is_some)))
    return pc.if_else(is_missing, pa.scalar(None, made.type), made) if pc.any(is_missing).as_py() else made
