"""The search for a split by the real command line on real Ray; what it refuses needs none."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.grouping.run import GroupRequest

SPACE = """
name: whatever
setups: [diverse]
encoder: {name: mlp, hidden: [8]}
training: {steps: 20, batch_size: 16, eval_every: 10}
strategies: [gradnorm]
search: {configurations: 4}
"""
PLANTED = (("a", "d"), ("b", "c"))
"""Tasks that read the same number; a network of one unit has room for one of the two."""
NARROW = """
name: narrow
setups: [planted]
encoder: {name: mlp, hidden: [1]}
training: {steps: 30, batch_size: 25, eval_every: 30, lr: 0.1}
strategies: [sum]
"""
TASKS = ("churn", "segment", "interests", "spend", "events")


def test_a_request_knows_the_setup_s_tasks_before_anything_is_read(tmp_path, refused):
    assert GroupRequest(setup="diverse", out=str(tmp_path)).tasks == TASKS
    spec = {"kind": "binary", "data": "d", "label": "y", "metric": "f1", "vector": "x"}
    (tmp_path / "lonely.yaml").write_text(json.dumps({"name": "lonely", "tasks": {"only": spec}}))
    with refused():
        GroupRequest(setup=str(tmp_path / "lonely.yaml"), out=str(tmp_path))
    with pytest.raises(MtlkdError):
        GroupRequest(setup="dverse", out=str(tmp_path))


@pytest.mark.ray
def test_a_split_is_searched_and_measured_and_the_same_command_runs_nothing_again(tmp_path, here):
    (tmp_path / "space.yaml").write_text(SPACE)
    out = tmp_path / "out"
    words = (
        *("group", "diverse", "--by", "affinity", "--models", "5", "--space", tmp_path / "space.yaml"),
        *("--search-seeds", "1", "--seeds", "2", "--out", out),
    )
    first = here(*words)
    assert first.returncode == 0, first.stderr
    assert "at five times the serving cost" in first.stdout
    facts = json.loads((out / "grouping.json").read_text())
    assert sorted(task for group in facts["proposed"] for task in group) == sorted(TASKS)
    assert (out / "report" / "report.md").exists()
    records = {path: path.stat().st_mtime_ns for path in out.rglob("records/*.parquet")}
    assert {path.parent.parent.name for path in records} == {"search", "confirm"}
    again = here(*words)
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in out.rglob("records/*.parquet")} == records
    assert again.stdout.splitlines()[-2:] == first.stdout.splitlines()[-2:]


def _planted(folder):
    """A manifest with its tables."""
    rng = np.random.default_rng(3)
    tasks = {}
    for at, cluster in enumerate(PLANTED):
        for name in cluster:
            (folder / name).mkdir(parents=True)
            for split in ("train", "valid", "test"):
                values = rng.normal(size=(100, 4)).astype(np.float32)
                labels = values[:, at] + 0.1 * rng.normal(size=100)
                pq.write_table(pa.table({"x": list(values), "y": labels}), folder / name / f"{split}.parquet")
            tasks[name] = {"kind": "regression", "data": name, "vector": "x", "label": "y", "metric": "r2"}
    manifest = folder / "planted.yaml"
    manifest.write_text(yaml.safe_dump({"name": "planted", "tasks": tasks}))
    return manifest


@pytest.mark.ray
@pytest.mark.usefixtures("_figures_unsaved")
def test_planted_clusters_are_found_by_training_groups_and_measured_on_other_seeds(tmp_path, here):
    (tmp_path / "space.yaml").write_text(NARROW)
    out = tmp_path / "out"
    asked = ("--by", "trials", "--space", tmp_path / "space.yaml", "--search-seeds", "1", "--seeds", "2", "--out", out)
    found = here("group", _planted(tmp_path / "tables"), *asked)
    assert found.returncode == 0, found.stderr
    facts = json.loads((out / "grouping.json").read_text())
    assert sorted(tuple(sorted(group)) for group in facts["proposed"]) == sorted(PLANTED)
    assert facts["over_one_model"]["split"]["points"] > 0
    # One model, four alone, three splits into pairs, four times all but one; then what is measured, on two seeds.
    assert len(_trials(out / "search")) == 1 + 1 + 3 + 4
    assert len(_trials(out / "confirm")) == 3 * 2
    assert not _seeds(out / "search") & _seeds(out / "confirm")


def _trials(sweep):
    return {name for path in (sweep / "records").glob("*.parquet") for name in pq.read_table(path)["trial"].to_pylist()}


def _seeds(sweep):
    return {seed for path in (sweep / "records").glob("*.parquet") for seed in pq.read_table(path)["seed"].to_pylist()}
