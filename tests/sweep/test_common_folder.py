"""Nodes that do not see the folder, real ones in tests/faults/test_machines.py, and records that get lost."""

from types import SimpleNamespace

import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep import archive, common_folder
from ray_mtlkd.sweep.common_folder import Sight, check_nodes, check_records
from ray_mtlkd.sweep_folder import PARQUET

SPACE = """
name: vanishing
setups: [similar]
encoder: {name: mlp, hidden: [8]}
training: {steps: 20, batch_size: 16, eval_every: 10}
strategies: [sum]
replicate: {configurations: 1, seeds: [1, 2]}
resources: {keep_models: none, keep_predictions: false}
classical: false
"""


def test_a_node_that_does_not_see_the_folder_is_named_and_one_that_is_not_there_is_not_asked(monkeypatch):
    nodes = [("own", True), ("clear", True), ("blind", True), ("gone", False)]
    asked = []

    def look(node, sight):
        asked.append((node, sight.uri))
        return node

    monkeypatch.setattr(
        common_folder.ray,
        "nodes",
        lambda: [{"NodeID": node, "Alive": alive, "NodeManagerAddress": f"at {node}"} for node, alive in nodes],
    )
    monkeypatch.setattr(common_folder.ray, "get_runtime_context", lambda: SimpleNamespace(get_node_id=lambda: "own"))
    monkeypatch.setattr(common_folder.ray, "wait", lambda refs, num_returns, timeout: (refs[:num_returns], []))
    monkeypatch.setattr(common_folder.ray, "get", lambda ref: ref == "clear")
    monkeypatch.setattr(common_folder, "_look_from", look)
    with pytest.raises(MtlkdError) as caught:
        check_nodes(Sight(uri="there", digest=""))
    assert caught.value.where == "there"
    assert caught.value.what.startswith("1 of 3 nodes ")
    assert caught.value.what.endswith(": at blind")
    assert asked == [("clear", "there"), ("blind", "there")]


def test_trials_that_ended_without_records_are_named():
    check_records("there", ended=["a", "b"], found=["b", "a"])
    with pytest.raises(MtlkdError) as caught:
        check_records("there", ended=["a", "b", "c"], found=["b"])
    assert caught.value.where == "there"
    assert caught.value.what.startswith("2 of 3 trials")
    assert caught.value.what.endswith(": a, c")


@pytest.mark.ray
def test_a_sweep_whose_records_get_lost_is_no_success_and_resumes_with_those_trials_alone(tmp_path, here):
    (tmp_path / "space.yaml").write_text(SPACE)
    out = tmp_path / "out"

    def lose(folder):
        folder.records.delete(f"similar-sum-c0-s1{PARQUET}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "merge", lose)
        done = here("sweep", tmp_path / "space.yaml", "--out", out)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {out}: 1 of 2 trials have ended")
    assert "similar-sum-c0-s1;" in line
    assert not (out / "report").exists()
    (kept,) = (out / "records").iterdir()
    before = kept.stat().st_mtime_ns
    done = here("sweep", "--resume", out)
    assert done.returncode == 0, done.stderr
    assert kept.stat().st_mtime_ns == before
    assert (out / "records" / f"similar-sum-c0-s1{PARQUET}").exists()
