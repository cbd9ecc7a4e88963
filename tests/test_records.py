from dataclasses import fields

import pyarrow.parquet as pq

from ray_mtlkd.records import SCHEMA, CurvePoint, Event, TaskRecord, from_table, to_table


def _record(**changes):
    values = {
        "sweep": "s",
        "setup": "u",
        "strategy": "sum",
        "curriculum": "joint",
        "balancer": "sum",
        "role": "baseline",
        "stage": "search",
        "config_index": 0,
        "config": "{}",
        "seed": 1,
        "trial": "t",
        "status": "ok",
        "error": None,
        "notes": ["a note"],
        "task": "a",
        "task_index": 0,
        "kind": "binary",
        "metric": "f1",
        "sign": 1,
        "train_rows": 10,
        "trivial": 0.1,
        "perfect": 1.0,
        "valid": 0.1 + 0.2,
        "test": None,
        "valid_peak": 0.4,
        "test_peak": 0.5,
        "teacher": None,
        "retention": None,
        "score": 0.3,
        "converged_step": None,
        "teacher_step": None,
        "checkpoint_step": 20,
        "steps": 30,
        "batches": 150,
        "wall_s": 1.5,
        "cpu_s": 1.0,
        "curve": [CurvePoint(step=10, batches=50, valid=None, loss=0.7, weight=1.0, phase="labels")],
        "events": [Event(step=10, batches=50, kind="start", task=None, reason="because")],
    }
    return TaskRecord(**{**values, **changes})


def test_the_schema_has_a_column_for_every_field():
    assert SCHEMA.names == [field.name for field in fields(TaskRecord)]


def test_records_go_through_parquet_exactly(tmp_path):
    records = [
        _record(),
        _record(task="b", status="failed", error="task b, step 3: the loss is nan", curve=[], events=[]),
    ]
    pq.write_table(to_table(records), tmp_path / "trial.parquet")
    assert from_table(pq.read_table(tmp_path / "trial.parquet")) == records
