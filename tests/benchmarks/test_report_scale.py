from collections import Counter

import pytest

from benchmarks.report.records import SWEEPS, write_sweeps
from benchmarks.report_scale import Cost, report, rows
from ray_mtlkd.report.load import read
from ray_mtlkd.sweep.archive import finished
from ray_mtlkd.sweep_folder import SweepFolder


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory):
    """Four trials a setup and strategy, and what their writer says of them."""
    folder = tmp_path_factory.mktemp("sweeps")
    return folder, write_sweeps(folder, 130)


def test_the_sweeps_hold_as_many_trials_as_asked_for_and_pass_the_checks_of_a_report(sweeps):
    folder, counts = sweeps
    table = read([str(folder / name) for name in SWEEPS]).table
    trials = table.group_by(["setup", "strategy", "stage", "trial", "status"]).aggregate([("task", "count_distinct")])
    assert trials["task_count_distinct"].unique().to_pylist() == [5]
    assert Counter(trials["stage"].to_pylist() + trials["status"].to_pylist()) == counts
    assert counts["search"] == 3 * 11 * 2
    assert counts["ok"] + counts["failed"] == counts["search"] + counts["replicate"] == 3 * 11 * 4


def test_the_trials_differ_and_have_curves_of_real_length(sweeps):
    folder, _ = sweeps
    found = read([str(folder / name) for name in SWEEPS])
    done = found.table.filter(found.table["valid"].is_valid())
    assert len(set(done["valid"].to_pylist())) > 0.9 * done.num_rows
    curves = found.curves(done["trial"].unique().to_pylist())
    lengths = [len(curve) for curve in curves["curve"].to_pylist()]
    assert 30 < sum(lengths) / len(lengths) < 50
    assert min(len(events) for events in curves["events"].to_pylist()) > 0


def test_what_replicates_is_the_best_of_the_search_and_a_sweep_would_go_on_from_it(sweeps):
    folder, counts = sweeps
    scores = {name: finished(SweepFolder.at(str(folder / name))) for name in SWEEPS}
    assert sum(map(len, scores.values())) == counts["search"] + counts["replicate"]
    found = scores["intents"]
    searched = [found[f"intents-joint_kd-c{index}-s0"].score for index in (0, 1)]
    best = searched.index(max(searched))
    assert {name for name in found if name.startswith("intents-joint_kd-") and not name.endswith("-s0")} == {
        f"intents-joint_kd-c{best}-s{seed}" for seed in (1, 2)
    }


def test_a_report_is_measured_from_start_to_end_once_it_counts_every_trial(sweeps, tmp_path):
    (tmp_path / "intents" / "records").mkdir(parents=True)
    for file in (sweeps[0] / "intents" / "records").iterdir():
        if file.name.startswith(("intents-sum-", "intents-joint_kd-")):
            (tmp_path / "intents" / "records" / file.name).symlink_to(file)
    trials = read([str(tmp_path / "intents")]).table.group_by(["trial", "stage", "status"]).aggregate([])
    cost = report(tmp_path, Counter(trials["stage"].to_pylist() + trials["status"].to_pylist()))
    assert cost.cpu_s > 0
    assert cost.wall_s > 0
    assert cost.peak_mib > 50
    assert (tmp_path / "report" / "curves-intents.svg").exists()


def test_a_report_that_fails_is_no_measurement(tmp_path, refused):
    with refused(RuntimeError):
        report(tmp_path, Counter())


def test_goals_are_for_the_largest_report_and_a_further_trial_is_weighed_between_sizes():
    def costs(cpu_s):
        return [Cost(wall_s=cpu_s + at, cpu_s=cpu_s, peak_mib=2000.0) for at in range(3)]

    found = {(row.case, row.what): row for row in rows({9000: costs(2.0), 10_000: costs(5.0)})}
    assert found["10000 trials x 5 tasks", "wall time"].figure == 6.0
    assert found["10000 trials x 5 tasks", "wall time"].reached is True
    assert found["10000 trials x 5 tasks", "peak memory"].reached is False
    assert found["9000 trials x 5 tasks", "wall time"].goal is None
    assert found["9000 trials x 5 tasks", "peak memory"].goal is None
    assert found["from 9000 to 10000 trials", "CPU time"].figure == pytest.approx(3.0)
