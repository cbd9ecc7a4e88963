from dataclasses import fields

import pyarrow.parquet as pq

from ray_mtlkd.records import SCHEMA, TaskRecord, from_table, to_table


def test_the_schema_has_a_column_for_every_field():
    assert SCHEMA.names == [field.name for field in fields(TaskRecord)]


def test_records_go_through_parquet_exactly(tmp_path, record):
    records = [
        record(),
        record(task="b", status="failed", error="task b, step 3: the loss is nan", curve=[], events=[]),
    ]
    pq.write_table(to_table(records), tmp_path / "trial.parquet")
    assert from_table(pq.read_table(tmp_path / "trial.parquet")) == records
