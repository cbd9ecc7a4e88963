import pytest

from benchmarks.headroom import JointRun, measure, report
from ray_mtlkd import setups
from ray_mtlkd.sweep.plan import Plan
from ray_mtlkd.sweep.space import read_space

SPACE = """
name: small
setups: [similar]
encoder: {name: mlp, hidden: [8]}
training: {steps: 8, batch_size: 16, eval_every: 2, lr: 0.3}
strategies: [sum]
"""


def test_a_run_s_headroom_is_that_of_its_peaks_over_its_checkpoint(tmp_path):
    (tmp_path / "space.yaml").write_text(SPACE)
    (trial, *_) = Plan(read_space(tmp_path / "space.yaml"), {"similar": 5}).replicates(("similar", "sum"), 0)
    run = measure(setups.read("similar", data_dir=None), trial)
    assert run.valid > 0  # so high a rate shakes every task
    assert min(run.falls.values()) >= 0
    assert all(0 < share <= 1 for share in run.peaks.values())


def test_the_median_over_runs_is_told_with_where_tasks_peak_and_how_far_they_fall():
    runs = [
        JointRun(valid=valid, test=valid - 1, falls={"small": 4.0}, peaks={"small": share}, cpu_s=2.0)
        for valid, share in ((1.0, 0.1), (2.0, 0.2), (6.0, 0.3))
    ]
    rows = {row.what: row for row in report("similar", runs)}
    assert (rows["headroom on validation"].figure, rows["headroom on validation"].reached) == (2.0, True)
    assert rows["headroom on test"].figure == pytest.approx(1.0)
    assert rows["small: end below its peak"].figure == pytest.approx(4.0)
    assert "20%" in rows["small: end below its peak"].note
