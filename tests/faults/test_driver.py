"""Drivers that are killed or stopped at moments of chance, and two of one sweep."""

import os
import signal
import time

import pytest

from tests.faults.drivers import chance, ended
from tests.processes import lives
from tests.sweeps import assert_same, kept, records, wait_for, written

pytestmark = pytest.mark.fault

CODES = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
AWAITED = {
    "search": "records/*-s0.parquet",
    "replicate": "records/*-s[12].parquet",
    "checkpoint": "checkpoints/*/*.json",
}
GONE_S = 10


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
def test_a_driver_that_is_ended_in_every_stage_goes_on_and_runs_nothing_twice(folder, whole, place, number):
    words, before = (folder / "space.yaml", "--out", place.out), {}
    for stage, pattern in AWAITED.items():
        driver = place.sweep(*words)
        there = set(place.out.glob(pattern))
        wait_for(lambda p=pattern, t=there, d=driver: d.poll() is not None or set(place.out.glob(p)) - t)
        time.sleep(chance(number.name, stage).uniform(0, 1))
        if driver.poll() is not None:  # it has come to its end before
            break
        driver.send_signal(number)
        said, told = ended(driver, code=CODES[number])
        began = time.monotonic()
        if number != signal.SIGKILL:
            assert told == ""
            assert f"--resume {place.out}" in said
        wait_for(lambda: not place.processes())
        assert time.monotonic() - began < GONE_S or number == signal.SIGKILL
        assert written(place.out).items() >= before.items()
        words, before = ("--resume", place.out), written(place.out)
    ended(place.sweep("--resume", place.out), code=0)
    assert written(place.out).items() >= before.items()
    assert_same(records(place.out), records(whole))
    assert kept(place.out) == kept(whole)


def test_of_two_drivers_that_begin_one_sweep_together_one_at_most_drives_it(folder, whole, place):
    drivers = [place.sweep(folder / "space.yaml", "--out", place.out) for _ in range(2)]
    codes = []
    for driver in drivers:
        _, told = driver.communicate()
        codes.append(driver.returncode)
        if driver.returncode:
            (line,) = told.splitlines()
            assert str(place.out) in line
    assert sorted(codes) in ([0, 2], [2, 2])
    if 0 not in codes:
        ended(place.sweep("--resume", place.out), code=0)
    assert_same(records(place.out), records(whole))


@pytest.mark.parametrize("tenths", range(2, 200, 14))
def test_ctrl_c_at_any_moment_ends_it_in_five_seconds_and_leaves_no_process(folder, place, tenths):
    """The signal goes to all processes of a terminal; 0.2 s are spent in Python's own start."""
    driver = place.sweep(folder / "space.yaml", "--out", place.out)
    time.sleep(tenths / 10)
    if driver.poll() is not None:
        pytest.skip("the sweep has come to its end before")
    os.killpg(driver.pid, signal.SIGINT)
    began = time.monotonic()
    said, told = ended(driver, code=130)
    assert time.monotonic() - began < 5
    assert told == ""
    assert (f"--resume {place.out}" in said) == (place.out / "sweep.json").exists()
    wait_for(lambda: not any(map(lives, place.processes())))
    assert time.monotonic() - began < GONE_S
