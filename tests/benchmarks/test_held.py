import os
import subprocess
import sys

from benchmarks.sweep import held as module


def test_a_process_that_has_ended_and_is_not_waited_for_holds_nothing(monkeypatch):
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie until `with` ends
        monkeypatch.setattr(
            module, "processes_below", lambda root: {root: "python", child.pid: "ray::ImplicitFunc.train"}
        )
        found = module.held_below(os.getpid())
    assert "worker" not in found
    (driver,) = found["driver"].values()
    assert driver.own_mib > 0
    assert driver.files > 0
