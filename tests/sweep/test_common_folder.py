"""Records that get lost; a node that does not see the folder is in tests/faults/test_machines.py."""

import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep import archive
from ray_mtlkd.sweep.common_folder import check_records
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
