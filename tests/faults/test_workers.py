"""Trials' workers, and those who relabel for them, that are killed or stopped at moments of chance."""

import contextlib
import os
import signal
import time

import pyarrow.parquet as pq
import pytest

from tests.faults.drivers import chance, ended
from tests.sweeps import assert_same, records, wait_for

pytestmark = pytest.mark.fault

KILLS = 4
KINDS = {"trial": "ImplicitFunc", "shared": "SharedActor"}
WITHIN_S = {"trial": 1.0, "shared": 0.3, "pool": 1.0}
EAGER = """
from dataclasses import dataclass
from typing import ClassVar

from ray_mtlkd.strategies.balancers.sum_ import Sum
from ray_mtlkd.sweep.relabel import relabeller

relabeller._STARTED_S, relabeller.BATCH_ROWS = 0.0, 64  # so that trials leave even small tables to the pool


@dataclass(frozen=True, kw_only=True)
class Eager(Sum):
    name: ClassVar[str] = "eager"
"""


@pytest.mark.parametrize("kind", KINDS)
def test_workers_that_are_killed_again_and_again_change_no_record(folder, whole, place, kind):
    """As many CPUs as there are trials at a time and others beside them, for which shared actors start."""
    space = (folder / "space.yaml").read_text().replace("fewer.yaml", str(folder / "fewer.yaml"))
    relabel = "inline" if kind == "trial" else kind
    (place.folder / "space.yaml").write_text(f"{space}relabel: {{where: {relabel}}}\n")
    driver = place.sweep(place.folder / "space.yaml", "--out", place.out)
    killed = _killed(KINDS[kind], driver, place, chance("workers", kind), WITHIN_S[kind])
    assert killed
    assert_same(_common(place.out), _common(whole))


def test_actors_of_a_pool_that_are_killed_change_no_record(folder, place):
    words = _eager(folder, place)
    ended(place.sweep(*words, place.folder / "undisturbed"), code=0)
    killed = _killed("MapWorker", place.sweep(*words, place.out), place, chance("workers", "pool"), WITHIN_S["pool"])
    assert killed
    assert "pool" in {row["relabelled_where"] for row in _rows(place.out)}
    assert_same(_common(place.out), _common(place.folder / "undisturbed"))


def test_actors_of_a_pool_that_are_stopped_hang_nobody_and_change_no_record(folder, place):
    words = _eager(folder, place, stall_s=20, pool_size=1)  # beside one that hangs another would do all of the work
    ended(place.sweep(*words, place.folder / "undisturbed"), code=0)
    driver = place.sweep(*words, place.out)
    stopped = _stopped("MapWorker", driver, place)
    ended(driver, code=0)
    assert stopped
    assert_same(_common(place.out), _common(place.folder / "undisturbed"))
    assert {row["stalls"] for row in _rows(place.out)} == {0}
    why = {row["relabelled_why"] for row in _rows(place.out) if row["relabelled_where"] == "inline"}
    assert any("pool was chosen" in each and "resources.stall_s" in each for each in why)


def test_a_worker_that_is_stopped_is_ended_and_its_trial_goes_on_with_the_same_records(folder, whole, place):
    driver = _impatient(folder, place)
    wait_for(lambda: driver.poll() is not None or list(place.out.glob("checkpoints/*/checkpoint.json")))
    time.sleep(chance("stopped").uniform(0, 2))
    stopped = _stopped("ImplicitFunc", driver, place)
    said, _ = ended(driver, code=0)
    assert stopped
    assert "resources.stall_s" in said
    assert_same(_common(place.out), _common(whole))
    assert {row["stalls"] for row in _rows(place.out)} == {0, 1}


def test_actors_that_relabel_for_all_and_are_stopped_hang_nobody_and_change_no_record(folder, whole, place):
    driver = _impatient(folder, place, "relabel: {where: shared}\n")
    stopped = _stopped("SharedActor", driver, place)
    ended(driver, code=0)
    assert stopped
    assert_same(_common(place.out), _common(whole))
    assert {row["stalls"] for row in _rows(place.out)} == {0}
    told = {row["relabelled_where"]: row["relabelled_why"] for row in _rows(place.out) if row["relabelled_where"]}
    assert "resources.stall_s" in told["inline"]
    assert told["shared"] == "as configured"  # they were started again


def test_a_board_of_signs_of_life_that_is_stopped_is_started_again_and_changes_no_record(folder, whole, place):
    driver = _impatient(folder, place)
    stopped = _stopped("PulseBoard", driver, place)
    ended(driver, code=0)
    assert stopped
    assert_same(_common(place.out), _common(whole))


def _eager(folder, place, *, stall_s=600, pool_size=2):
    """A sweep's words up to its folder, whose trials leave all tables that they relabel to a pool."""
    (place.folder / "eager.py").write_text(EAGER)
    space = (folder / "space.yaml").read_text().replace("fewer.yaml", str(folder / "fewer.yaml"))
    space = space.replace("- {name: gradnorm}", "- {curriculum: joint_kd, balancer: eager:Eager}")
    space = space.replace("checkpoint_every_s: 0", f"checkpoint_every_s: 0, stall_s: {stall_s}")
    (place.folder / "space.yaml").write_text(f"{space}relabel: {{where: pool, pool_size: {pool_size}}}\n")
    return place.folder / "space.yaml", "--code", place.folder, "--out"


def _impatient(folder, place, more=""):
    """The driver of a sweep in which nothing may be silent for more than five seconds."""
    space = (folder / "space.yaml").read_text().replace("fewer.yaml", str(folder / "fewer.yaml"))
    space = space.replace("checkpoint_every_s: 0", "checkpoint_every_s: 0, stall_s: 5")
    (place.folder / "space.yaml").write_text(space + more)
    return place.sweep(place.folder / "space.yaml", "--out", place.out)


def _stopped(kind, driver, place):
    """The processes of a kind, all stopped as soon as there are some."""
    wait_for(lambda: driver.poll() is not None or place.victims(kind))
    found = place.victims(kind)
    for pid in found:
        os.kill(pid, signal.SIGSTOP)
    return found


def _killed(kind, driver, place, moments, within_s):
    """How many processes of a kind were killed below a driver, which ends well."""
    wait_for(lambda: driver.poll() is not None or list(place.out.glob("checkpoints/*/checkpoint.json")))
    killed = 0
    while driver.poll() is None and killed < KILLS:
        found = place.victims(kind)
        if found:
            time.sleep(moments.uniform(0, within_s))
            with contextlib.suppress(ProcessLookupError):
                os.kill(moments.choice(found), signal.SIGKILL)
                killed += 1
        time.sleep(0.05)
    ended(driver, code=0)
    return killed


def _rows(out):
    return [row for path in out.glob("records/*") for row in pq.read_table(path).to_pylist()]


def _common(out):
    """Records without what says that something happened, and that the space names where to relabel."""
    return {name: table.drop_columns(["stalls", "config", "sweep"]) for name, table in records(out).items()}
