import pytest

from benchmarks import soak as module
from benchmarks.soak import Look, Soak, rows, run, space
from benchmarks.sweep.held import Held
from ray_mtlkd.sweep.plan import Plan
from ray_mtlkd.sweep.space import decode_space


def soak(grows_mib):
    """A hundred trials in fifty seconds, whose driver holds so much more after each, and whose records are merged."""
    looks = [
        Look(at_s=10.0 + at / 2, ended=at, held={"driver": {1: Held(own_mib=300.0 + grows_mib * at, files=20)}})
        for at in range(101)
    ]
    merged = Look(at_s=61.0, ended=1, held={})
    cpu_s = {"driver": 5.0, "workers": 40.0, "ray": 6.0}
    return Soak(planned=100, lost=0, wall_s=70.0, cpu_s=cpu_s, files={"records": 100}, looks=[*looks, merged])


def test_growth_is_told_by_trials_and_a_leak_misses_its_goal():
    for grows_mib, reached in ((0.0, True), (0.1, False)):
        found = {row.what: row for row in rows(soak(grows_mib), case="x", goals=True)}
        memory = found["driver: memory of the largest, more a thousand trials"]
        assert memory.figure == pytest.approx(1000 * grows_mib)
        assert memory.reached == reached
        assert found["driver: open files of the largest, more a thousand trials"].figure == 0.0


def test_trials_a_second_count_from_the_first_end_to_the_last():
    found = {row.what: row for row in rows(soak(0.0), case="x", goals=True)}
    assert found["trials ended, from the first one's end"].figure == pytest.approx(2.0)
    assert found["trials lost"].reached
    assert found["CPU time of driver"].figure == pytest.approx(50.0)


def test_the_sweep_has_at_least_as_many_trials_as_asked_for():
    for trials in (30, 2000):
        size = Plan(decode_space(space(trials, evaluations=2), where="x"), {"fewer": 2}).size
        assert trials <= size < trials + 3


@pytest.mark.ray
def test_the_command_itself_is_watched(monkeypatch):
    monkeypatch.setattr(module, "_EVERY_S", 0.2)  # so few trials may be over between two looks
    found = run(12, nodes=0, cpus=2)
    assert (found.planned, found.lost) == (12, 0)
    assert found.files["records"] == 12
    kinds = {kind for look in found.looks for kind in look.held}
    assert kinds >= {"driver", "worker", "ray"}
    assert all(held.own_mib > 0 for look in found.looks for held in look.held.get("worker", {}).values())
