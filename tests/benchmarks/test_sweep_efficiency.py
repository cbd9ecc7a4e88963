import json
import os
import subprocess
import sys

import pytest

from benchmarks.sweep.split import Sweep, TimedTrial, read_trials
from benchmarks.sweep.watch import Watch, kind_of, machine_busy_s
from benchmarks.sweep_efficiency import STRATEGIES, rows, run, space
from ray_mtlkd.sweep.plan import Plan
from ray_mtlkd.sweep.space import decode_space


def _trial(name, start, end, *, steps_s, evaluations_s=1.0):
    return TimedTrial(
        name=name,
        start=start,
        first_step=start + 0.5,
        end=end,
        steps_s=steps_s,
        evaluations_s=evaluations_s,
        process_s=steps_s + evaluations_s + 0.5,
    )


@pytest.fixture
def sweep():
    """Two cores for 20 s: two trials from 6 s to 18 s, of which one ends 2 s before the other."""
    return Sweep(
        trials=[_trial("a", 106.0, 116.0, steps_s=8.0), _trial("b", 106.0, 118.0, steps_s=10.0)],
        started=100.0,
        ended=120.0,
        cores=2,
        cpu_s={"driver": 3.0, "workers": 25.0, "ray": 2.0},
        busy_s=34.0,
    )


def test_only_steps_and_evaluations_count_and_all_of_the_wall_time_does(sweep):
    assert sweep.useful_s == 20.0
    assert sweep.efficiency == pytest.approx(20 / (20 * 2))
    assert sweep.efficiency_of_trials == pytest.approx(20 / (12 * 2))
    assert (sweep.cold_start_s, sweep.after_s, sweep.others_s) == (6.5, 2.0, 4.0)


def test_the_shares_and_the_efficiency_make_up_the_whole(sweep):
    shares = sweep.shares()
    assert shares["trials, beside steps and evaluations"] == pytest.approx(1 / 40)
    assert shares["idle"] == pytest.approx(6 / 40)
    assert sum(shares.values()) + sweep.efficiency == pytest.approx(1.0)


def test_a_row_says_what_others_left_and_only_a_whole_run_has_goals(sweep):
    found = {row.what: row for row in rows(sweep, [6.0, 6.5, 7.0], goals=True) if row.goal}
    assert [row.reached for row in found.values()] == [False, True]
    assert found["command's start to first training step"].figure == 6.5
    left = [row for row in rows(sweep, [6.0], goals=False) if row.unit == "of what others left"]
    assert left[0].figure == pytest.approx(20 / 36)
    assert not any(row.goal for row in rows(sweep, [6.0], goals=False))


def test_trials_are_read_from_all_processes_in_the_order_of_their_start(tmp_path):
    for pid, names in enumerate((("b", "d"), ("a", "c"))):
        lines = [json.dumps(vars(_trial(name, ord(name), ord(name) + 1, steps_s=1.0))) for name in names]
        (tmp_path / f"{pid}.jsonl").write_text("\n".join(lines) + "\n")
    assert [trial.name for trial in read_trials(tmp_path)] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("ray::IDLE", "workers"),
        ("ray::ImplicitFunc.train", "workers"),
        ("/bin/python\0/lib/ray/_private/workers/default_worker.py\0--node-ip-address=1", "workers"),
        ("/lib/ray/raylet\0--store\0--python_worker_command=python /lib/default_worker.py", "ray"),
        ("ray::DashboardAgent", "ray"),
        ("/lib/ray/gcs_server", "ray"),
        ("", "ray"),
    ],
)
def test_workers_are_told_from_what_else_ray_starts(command, kind):
    assert kind_of(command) == kind


def test_a_watch_adds_up_a_command_and_its_children_also_when_these_have_ended():
    before = machine_busy_s()
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(10**7))']); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    watch = Watch(child.pid)
    while watch.cpu_s["ray"] == 0.0:
        watch.look()
        assert child.poll() is None
    seen = watch.cpu_s["ray"]
    child.communicate(b"\n")
    watch.look()
    assert watch.cpu_s["ray"] >= seen
    assert watch.cpu_s["workers"] == 0.0
    assert machine_busy_s() > before


def test_the_sweep_has_forty_trials_of_every_strategy():
    value = space(strategies=STRATEGIES, configurations=2, seeds=3, steps=1000)
    plan = Plan(decode_space(value, where="x"), {"similar": 5})
    assert plan.size == 40
    assert not decode_space(value, where="x").classical


@pytest.mark.ray
def test_the_command_itself_is_measured():
    found = run(space(strategies=("sum",), configurations=1, seeds=2, steps=50), cores=os.cpu_count())
    assert sorted(trial.name for trial in found.trials) == ["similar-sum-c0-s1", "similar-sum-c0-s2"]
    for trial in found.trials:
        assert found.started < trial.start < trial.first_step < trial.end < found.ended
        assert 0 < trial.useful_s < trial.process_s
    assert 0 < found.efficiency < found.efficiency_of_trials < 1
    assert all(seconds > 0 for seconds in found.cpu_s.values())
