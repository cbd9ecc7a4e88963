"""One table as every common writer writes it: (library, format) → file of that table."""

from functools import cache

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet as pq


def _frame(table):
    return table.to_pandas(date_as_object=True)


def _polars(table):
    import polars as pl  # noqa: PLC0415 - a heavy import, for these tests alone

    return pl.from_arrow(table)


@cache
def _connection():
    """To open one takes a tenth of a second."""
    import duckdb  # noqa: PLC0415 - a heavy import, for these tests alone

    return duckdb.connect()


def _duckdb(table, path, options):
    _connection().register("given", table)
    _connection().execute(f"COPY given TO '{path}' ({options})")


def _ipc_stream(table, path):
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=3)


FLAT = {
    ("pandas", "csv"): lambda table, path: _frame(table).to_csv(path, index=False),
    ("polars", "csv"): lambda table, path: _polars(table).write_csv(path),
    ("pyarrow", "csv"): pa.csv.write_csv,
    ("duckdb", "csv"): lambda table, path: _duckdb(table, path, "FORMAT csv, HEADER"),
}
"""Formats that hold no lists."""

NESTED = {
    ("pandas", "parquet"): lambda table, path: _frame(table).to_parquet(path),
    ("polars", "parquet"): lambda table, path: _polars(table).write_parquet(path),
    ("pyarrow", "parquet"): lambda table, path: pq.write_table(table, path, row_group_size=2),
    ("duckdb", "parquet"): lambda table, path: _duckdb(table, path, "FORMAT parquet"),
    ("pandas", "feather"): lambda table, path: _frame(table).to_feather(path),
    ("polars", "arrow"): lambda table, path: _polars(table).write_ipc(path),
    ("pyarrow", "feather"): pa.feather.write_feather,
    ("pyarrow", "arrow"): _ipc_stream,
}
