"""The search for a split by the real command line on real Ray; what it refuses needs none."""

import json

import pytest

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
