from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from ray_mtlkd import setups
from ray_mtlkd.setups.content import content_hash, content_of


def test_the_same_setup_has_the_same_hash_and_another_one_another():
    first, again, other = (setups.read(name, data_dir=None) for name in ("similar", "similar", "diverse"))
    assert content_hash(first) == content_hash(again)
    assert content_hash(first) != content_hash(other)


@pytest.mark.parametrize("what", ["labels", "inputs", "row_ids"])
def test_a_changed_cell_changes_the_hash(what):
    raw = setups.read("similar", data_dir=None)
    task = raw.tasks[2]
    split = task.splits["test"]
    changed = {
        "labels": np.where(np.arange(len(split.labels)) == 7, (split.labels + 1) % 3, split.labels),
        "inputs": split.inputs.take(list(range(len(split.inputs) - 1, -1, -1))),
        "row_ids": np.append(split.row_ids[:-1], split.row_ids[-1] + 1),
    }
    other = replace(task, splits={**task.splits, "test": replace(split, **{what: changed[what]})})
    assert content_hash(replace(raw, tasks=(*raw.tasks[:2], other, *raw.tasks[3:]))) != content_hash(raw)


def _changed(before, after):
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def test_what_changes_is_named_by_its_path(files):
    before = content_of(files.written())
    files.change("label", [1, 1], splits=("valid",))
    assert _changed(before, content_of(files.written())) == {"tables.intent.valid"}
    files.change("label", [0, 1], splits=("valid",))
    files.spec["metric"] = "macro_f1"
    assert _changed(before, content_of(files.written())) >= {"tasks.intent.metric"}


def test_neither_the_place_nor_the_format_of_tables_is_content(files, tmp_path):
    before = content_of(files.written())
    for split, columns in files.tables.items():
        files.path(split).unlink()
        pa.csv.write_csv(pa.table(columns), files.path(split, ".csv"))
    assert content_of(files.read()) == before
    (tmp_path / "moved").mkdir()
    (tmp_path / files.spec["data"]).rename(tmp_path / "moved" / files.spec["data"])
    files.manifest.write_text(f"{files.manifest.read_text()}folder: moved\n")
    assert content_of(files.read()) == before


def test_equal_rows_have_one_hash_however_they_lie_in_memory():
    raw = setups.read("similar", data_dir=None)
    task = raw.tasks[0]
    part = task.splits["train"]
    halves = [part.inputs.slice(0, 7), part.inputs.slice(7)]
    other = replace(part, inputs=pa.concat_tables([pa.concat_tables(halves), part.inputs]).slice(0, len(part.inputs)))
    again = replace(raw, tasks=(replace(task, splits={**task.splits, "train": other}), *raw.tasks[1:]))
    assert other.inputs["inputs"].num_chunks > 1
    assert content_of(again) == content_of(raw)
