"""Clusters of which not every node writes where the driver reads, and records that get lost."""

import shutil
import subprocess

import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep import archive
from ray_mtlkd.sweep.common_folder import check_records
from ray_mtlkd.sweep_folder import PARQUET
from tests.scripts import json_in, printed_by

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


def _has_namespaces():
    unshare = shutil.which("unshare")
    return (
        unshare is not None
        and subprocess.run([unshare, "-m", "true"], check=False, capture_output=True).returncode == 0
    )


@pytest.mark.ray
@pytest.mark.skipif(not _has_namespaces(), reason="no mount namespaces here, in which a node could miss a folder")
def test_a_node_that_does_not_see_the_folder_is_named_before_any_trial_starts(tmp_path):
    told = json_in(printed_by("-m", "tests.sweep.three_nodes", tmp_path / "out"))
    assert told["what"].startswith("1 of 3 nodes ")
    assert told["where"] == str(tmp_path / "out")


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
