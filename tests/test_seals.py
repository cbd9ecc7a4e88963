"""Any changed bit of a sealed file is told, and a sealed table is a table to everything that reads Parquet."""

import io
import json

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ray_mtlkd.seals import DamagedFileError, check_json, check_table, sealed_json, sealed_table

TABLE = pa.table({"name": ["a", "b", None], "score": [0.5, float("nan"), -1.0], "curve": [[1, 2], [], None]})


def _parquet(**options):
    buffer = io.BytesIO()
    pq.write_table(TABLE, buffer, **options)
    return buffer.getvalue()


def _flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_a_sealed_table_is_read_by_everything_that_reads_parquet(tmp_path):
    path = tmp_path / "sealed.parquet"
    path.write_bytes(check_table(sealed_table(_parquet())))
    assert repr(pq.read_table(path).to_pylist()) == repr(TABLE.to_pylist())
    assert pq.read_metadata(path).num_rows == 3
    assert list(pd.read_parquet(path)["name"])[:2] == ["a", "b"]
    assert pl.read_parquet(path)["score"][2] == -1.0
    assert duckdb.read_parquet(str(path)).fetchall()[1][0] == "b"


def test_a_table_of_others_is_read_as_it_is():
    assert check_table(_parquet()) == _parquet()
    assert check_table(b"") == b""


@pytest.mark.parametrize("options", [{}, {"compression": "zstd", "write_statistics": False}])
def test_no_changed_bit_of_a_table_changes_what_is_read_without_a_word(options):
    sealed = sealed_table(_parquet(**options))
    told = 0
    for bit in range(8 * len(sealed)):
        changed = _flipped(sealed, bit)
        try:
            check_table(changed)
        except DamagedFileError:
            told += 1
            continue
        try:
            same = pq.ParquetFile(io.BytesIO(changed)).read().cast(TABLE.schema)
        except (pa.ArrowException, OSError):
            told += 1
            continue
        assert repr(same.to_pylist()) == repr(TABLE.to_pylist())  # a bit of the mark alone
    assert told > 8 * (len(sealed) - 20)


def test_no_changed_bit_of_json_is_taken_for_what_was_written():
    sealed = sealed_json('{"a": [1, 2.5], "b": {"c": "ü"}}')
    assert check_json(sealed) == '{"a": [1, 2.5], "b": {"c": "ü"}}'.encode()
    for bit in range(8 * len(sealed)):
        with pytest.raises(DamagedFileError):
            check_json(_flipped(sealed, bit))


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b'{"a": 1}', b'{"a": 1, "sha256": ""}'])
def test_json_that_was_cut_or_never_sealed_is_told(data):
    with pytest.raises(DamagedFileError):
        check_json(data)


def test_sealed_json_is_json_with_one_member_more():
    assert json.loads(sealed_json('{\n "a": 1\n}')).keys() == {"a", "sha256"}
