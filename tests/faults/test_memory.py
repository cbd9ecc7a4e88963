"""A machine whose memory is short, in a memory cgroup of its own that Ray takes for the machine."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.faults.drivers import Place, ended
from tests.sweeps import assert_same, records, wait_for

pytestmark = [
    pytest.mark.fault,
    pytest.mark.skipif(
        shutil.which("unshare") is None, reason="no unshare, by which Ray takes a cgroup for the machine"
    ),
]

CGROUPS = Path("/sys/fs/cgroup")
LIMIT_BYTES = 8 * 2**30
THRESHOLD = 0.7
HELD, PEAK = 0.45, 0.73
"""Of all memory, by the neighbour alone: below the threshold together with a sweep, and above it."""
SPIKE = """
import sys, time
held = []
for share in map(float, sys.argv[2:]):
    while len(held) * 2**26 < share * int(sys.argv[1]):
        held.append(bytearray(b"x") * 2**26)
    print(share, flush=True)
    input()
"""
SPIKE_S = 30
HOG = """
from dataclasses import dataclass
from typing import ClassVar

from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights

HELD = []


@dataclass(frozen=True, kw_only=True)
class Hog:
    \"\"\"Takes more memory with every step.\"\"\"

    name: ClassVar[str] = "hog"
    needs: ClassVar[Needs] = "losses"

    def init(self, num_tasks: int) -> tuple[()]:
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        HELD.append(bytearray(b"x") * 2**28)
        ones = (1.0,) * len(signals.tasks)
        return Weights(shared=ones, heads=ones), state
"""


@pytest.fixture
def scarce():
    """A cgroup of little memory: what starts a command in it, for which its memory is the machine's."""
    version_1 = CGROUPS / "memory"
    root = version_1 if version_1.is_dir() else CGROUPS
    limit = "memory.limit_in_bytes" if version_1.is_dir() else "memory.max"
    group = root / f"fault-{os.getpid()}"
    try:
        group.mkdir()
        (group / limit).write_text(str(LIMIT_BYTES))
    except OSError as error:
        pytest.skip(f"no memory cgroup can be made here: {error}")
    inside = f'mount --bind {group} {root} && exec "$@"'
    enter = f'echo $$ > {group}/cgroup.procs && exec unshare -m sh -c "$0" sh "$@"'
    yield ["sh", "-c", enter, inside]
    until = time.monotonic() + 30
    while group.is_dir() and time.monotonic() < until:
        with contextlib.suppress(OSError):  # as long as a process ends there
            group.rmdir()
        time.sleep(0.2)


@pytest.fixture(scope="module")
def longer(folder):
    """A search space that is not over before a neighbour has the memory."""
    path = folder / "longer.yaml"
    path.write_text((folder / "space.yaml").read_text().replace("steps: 120", "steps: 600"))
    return path


@pytest.fixture(scope="module")
def undisturbed(folder, longer):
    """Its sweep that nobody disturbs."""
    with Place(folder / "l") as place:
        ended(place.sweep(longer, "--out", folder / "undisturbed"), code=0)
    return folder / "undisturbed"


def test_a_neighbour_that_takes_the_memory_for_a_while_ends_no_sweep_and_changes_no_record(
    longer, undisturbed, place, scarce
):
    words = [*scarce, sys.executable, "-c", SPIKE, str(LIMIT_BYTES), str(HELD), str(PEAK)]
    spike = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    spike.stdout.readline()
    variables = {"RAY_memory_usage_threshold": str(THRESHOLD)}
    driver = place.sweep(longer, "--out", place.out, before=scarce, on=variables)
    wait_for(lambda: driver.poll() is not None or list(place.out.glob("checkpoints/*/checkpoint.json")))
    spike.stdin.write("\n")
    spike.stdin.flush()
    spike.stdout.readline()
    time.sleep(SPIKE_S)
    spike.communicate("\n")
    said, _ = ended(driver, code=0)
    assert "killed for memory" in said, said
    assert {row["status"] for table in records(place.out).values() for row in table.to_pylist()} == {"ok"}, said
    assert_same(records(place.out), records(undisturbed))


def test_a_trial_that_needs_more_memory_than_there_is_runs_once_more_alone_and_then_fails_with_the_reason(
    folder, place, scarce
):
    (place.folder / "hog.py").write_text(HOG)
    space = (folder / "space.yaml").read_text().replace("fewer.yaml", str(folder / "fewer.yaml"))
    space = space.replace("- {name: gradnorm}", "- hog:Hog")
    (place.folder / "space.yaml").write_text(space)
    variables = {"RAY_memory_usage_threshold": str(THRESHOLD)}
    words = (place.folder / "space.yaml", "--out", place.out, "--code", place.folder)
    said, _ = ended(place.sweep(*words, before=scarce, on=variables), code=0)
    rows = {path.stem: pq.read_table(path).to_pylist()[0] for path in place.out.glob("records/*.parquet")}
    lost = {name for name, row in rows.items() if row["status"] == "lost"}
    assert lost == {"fewer-hog-c0-s0", "fewer-hog-c1-s0"}
    for name in lost:
        assert "also with no other trial beside it" in rows[name]["error"]
        assert said.count(f"{name} was killed for memory") == 1
    assert {row["status"] for name, row in rows.items() if name not in lost} == {"ok"}
