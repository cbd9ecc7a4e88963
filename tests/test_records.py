from dataclasses import fields

import pyarrow.parquet as pq

from ray_mtlkd.records import (
    CLASSICAL,
    SCHEMA,
    ClassicalRecord,
    TaskRecord,
    classical_from_table,
    classical_to_table,
    from_table,
    to_table,
)


def test_the_schema_has_a_column_for_every_field():
    assert SCHEMA.names == [field.name for field in fields(TaskRecord)]


def test_records_go_through_parquet_exactly(tmp_path, record):
    records = [
        record(),
        record(task="b", status="failed", error="task b, step 3: the loss is nan", curve=[], events=[]),
    ]
    pq.write_table(to_table(records), tmp_path / "trial.parquet")
    assert from_table(pq.read_table(tmp_path / "trial.parquet")) == records


def test_baselines_go_through_parquet_exactly(tmp_path):
    about = {"setup": "s", "content": "c", "version": "1", "task": "t", "kind": "binary", "metric": "f1", "sign": 1}
    figures = {"valid": 0.1 + 0.2, "test": 0.7, "trivial_valid": 0.0, "trivial_test": 0.1, "cpu_s": 2.5}
    records = [ClassicalRecord(**about, model="gradient boosting", **figures)]
    pq.write_table(classical_to_table(records), tmp_path / "s.parquet")
    assert classical_from_table(pq.read_table(tmp_path / "s.parquet")) == records
    assert CLASSICAL.names == [field.name for field in fields(ClassicalRecord)]
