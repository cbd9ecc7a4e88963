import os
import signal
import subprocess
import sys

from ray_mtlkd.sweep.processes import kill, start_of


def test_a_dead_process_that_nobody_has_waited_for_is_gone():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    started = start_of(gone.pid)
    os.waitid(os.P_PID, gone.pid, os.WEXITED | os.WNOWAIT)
    assert started is not None
    assert start_of(gone.pid) is None
    gone.wait()


def test_a_process_is_killed_and_not_another_one_that_has_its_number_now():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        started = start_of(process.pid)
        kill(process.pid, started="another time")
        assert start_of(process.pid) == started
        kill(process.pid, started=started)
        assert process.wait() == -signal.SIGKILL
    kill(process.pid, started=started)
