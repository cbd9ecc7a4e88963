"""Parquet and Arrow."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from ray_mtlkd.errors import first_line
from ray_mtlkd.foreign import UnreadableError

Checked = TypeVar("Checked", pa.Table, pa.RecordBatch)


@contextmanager
def reading_table() -> Iterator[None]:
    """What Arrow says of bytes that it cannot read in the body, as one error.

    Raises:
        UnreadableError: instead of Arrow's own.
    """
    try:
        yield
    except UnreadableError:
        raise
    # names and metadata that are no text; columns that stand twice
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise UnreadableError(first_line(error)[:200]) from error


def read_parquet(data: bytes, *, columns: Sequence[str] | None = None) -> pa.Table:
    """A file's table, or those of some columns that it has.

    Raises:
        UnreadableError: where it is no sound Parquet file, or a column stands twice.
    """
    with reading_table():
        file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)  # nothing is gained by fetching ahead
        return checked(file.read(columns=columns, use_threads=False))


def read_record(source: pa.NativeFile) -> pa.RecordBatch:
    """The first record of an Arrow file.

    Raises:
        UnreadableError: where it is no sound Arrow file, or a column stands twice.
    """
    with reading_table():
        return checked(pa.ipc.open_file(source).get_batch(0))


def checked(found: Checked) -> Checked:
    """The same table or record, every value of which can be looked at.

    Raises:
        UnreadableError: where one cannot, or a column stands twice.
    """
    doubled = [name for name, count in Counter(found.schema.names).items() if count > 1]
    if doubled:
        raise UnreadableError(f"these columns stand twice: {', '.join(doubled)}")
    with reading_table():
        found.validate(full=True)
    return found


def fitted(table: pa.Table, schema: pa.Schema, *, defaults: Mapping[str, Any]) -> pa.Table:
    """The columns of a schema; one that the table lacks holds its default.

    Raises:
        UnreadableError: where the table lacks one without a default, or its values are of another type.
    """
    needed = lacking(table, schema, defaults=defaults)
    if needed:
        raise UnreadableError(f"no column {', '.join(needed)}")
    with reading_table():
        for name in (name for name in schema.names if name not in table.column_names):
            kind = schema.field(name).type
            table = table.append_column(name, pa.repeat(pa.scalar(defaults[name], type=kind), table.num_rows))
        return table.select(schema.names).cast(schema)


def lacking(table: pa.Table, schema: pa.Schema, *, defaults: Mapping[str, Any]) -> list[str]:
    """Columns of a schema that a table lacks and that have no default."""
    return [name for name in schema.names if name not in table.column_names and name not in defaults]
