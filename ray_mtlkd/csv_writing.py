"""CSV files that people may open with a spreadsheet, which would compute cells that look like formulas."""

from typing import IO, Any, Literal

import pyarrow as pa
from pyarrow import csv

from ray_mtlkd.escapes import in_cell


def write_csv(table: pa.Table, stream: IO[bytes] | Any, *, quoting_header: Literal["none", "needed"]) -> None:
    """Write a table whose names and texts are as `in_cell` has them; lines end as on Unix.

    Args:
        quoting_header: ``none`` where names of columns need no quotes.
    """
    for at, column in enumerate(table.schema):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            table = table.set_column(at, column, _spelled(table[column.name]))
    table = table.rename_columns([in_cell(name) for name in table.column_names])
    csv.write_csv(table, stream, csv.WriteOptions(quoting_style="needed", quoting_header=quoting_header))


def _spelled(column: pa.ChunkedArray) -> pa.Array:
    """Each text looked at once, however many rows hold it."""
    coded = column.combine_chunks().dictionary_encode()
    texts = pa.array([None if each is None else in_cell(each) for each in coded.dictionary.to_pylist()], column.type)
    return texts.take(coded.indices)
