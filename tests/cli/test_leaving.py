import subprocess
import sys

from tests.processes import lives
from tests.sweeps import wait_for

GRANDCHILD = "import subprocess, sys; print(subprocess.Popen(['sleep', '600']).pid, flush=True); input()"
FAMILY = f"""
import sys
from subprocess import PIPE, Popen
from ray_mtlkd.cli.leaving import leave
child = Popen([sys.executable, "-c", {GRANDCHILD!r}], stdin=PIPE, stdout=PIPE, text=True)
print(child.pid, child.stdout.readline().strip())
leave(7)
"""


def test_a_process_that_leaves_says_what_it_had_to_say_and_ends_those_below_it():
    done = subprocess.run([sys.executable, "-c", FAMILY], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 7, done.stderr
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 2
    wait_for(lambda: not any(map(lives, pids)))  # they end as soon as the system comes to it
