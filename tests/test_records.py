from dataclasses import fields, replace
from itertools import chain

import pyarrow.parquet as pq

from ray_mtlkd.records import (
    CLASSICAL,
    SCHEMA,
    ClassicalRecord,
    CurvePoint,
    Event,
    TaskIdentity,
    TaskResult,
    TrialEnd,
    classical_from_table,
    classical_to_table,
    from_row,
    from_table,
    later,
    to_row,
    to_table,
)


def test_a_table_has_one_column_for_every_field_of_a_record_s_parts():
    parts = (TaskIdentity, TrialEnd, TaskResult)
    assert SCHEMA.names == [field.name for field in chain.from_iterable(map(fields, parts))]
    assert len(set(SCHEMA.names)) == len(SCHEMA.names)


def test_a_trial_that_could_not_go_on_is_its_identity_and_its_end(record):
    failed = replace(record(), end=TrialEnd(status="lost", error="no worker"), result=TaskResult())
    row = to_row(failed)
    names = [field.name for field in fields(TaskResult)]
    assert {name: row[name] for name in names if row[name] not in (None, [])} == {}
    assert from_row({name: value for name, value in row.items() if name not in names}) == failed


def test_a_result_later_in_a_trial_counts_every_step_from_the_trials_first():
    point = CurvePoint(step=5, batches=25, valid=0.5, loss=None, weight=1.0, phase="labels")
    event = Event(step=10, batches=50, kind="rewind", task=None, reason="because", model_step=5)
    result = TaskResult(valid=0.5, converged_step=10, teacher_step=None, checkpoint_step=5, curve=[point])
    moved = {"converged_step": 110, "checkpoint_step": 105, "curve": [replace(point, step=105, batches=525)]}
    moved["events"] = [replace(event, step=110, batches=550, model_step=105)]
    assert later(replace(result, events=[event]), steps=100, batches=500) == replace(result, **moved)


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
