import os
import signal
import sys
import threading
from contextlib import nullcontext

import pytest

from ray_mtlkd.cli import main
from ray_mtlkd.cli import sweep as module
from ray_mtlkd.cli.stops import Interruption
from ray_mtlkd.cluster import connection
from ray_mtlkd.records import TrialEnd
from ray_mtlkd.sweep import archive
from ray_mtlkd.sweep.results import records_of
from ray_mtlkd.sweep.status import RunningTrial, Status
from ray_mtlkd.sweep.work import SweepWork

SPACE = """
name: small
setups: [similar]
encoder: {name: mlp, hidden: [16]}
training: {steps: 40, lr: 0.01}
strategies: [sum, joint_kd]
search: {configurations: 2}
replicate: {configurations: 1, seeds: [1, 2]}
"""


class _Cluster:
    """Is told to start and to stop, and does neither."""

    def start(self):
        pass

    stop = start


def _status(*, done, running, failed=0):
    trials = tuple(RunningTrial(name=f"t{at}") for at in range(running))
    return Status(total=5, done=done, failed=failed, elapsed_s=1.0, eta_s=None, trials=trials)


@pytest.fixture
def imports(monkeypatch):
    """Threads that have imported the report's libraries."""
    seen = []
    monkeypatch.setattr(module, "_import_report", lambda: seen.append(threading.current_thread()))
    return seen


@pytest.mark.parametrize("last", [_status(done=4, running=1), _status(done=3, running=1, failed=1)])
def test_the_report_s_libraries_are_imported_once_when_a_worker_finds_no_trial(imports, last):
    ahead = module.ReportAhead()
    for moment in (_status(done=0, running=1), _status(done=0, running=2), _status(done=3, running=2)):
        ahead.look(moment)
    assert imports == []
    for _ in range(2):
        ahead.look(last)
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and thread.daemon:
            thread.join(timeout=1)
    assert len(imports) == 1
    assert imports[0] is not threading.main_thread()


def test_the_report_waits_until_its_libraries_are_imported(monkeypatch):
    begun, imported = threading.Event(), []

    def import_slowly():
        begun.wait(30)
        imported.append(1)

    monkeypatch.setattr(module, "_import_report", import_slowly)
    ahead = module.ReportAhead()
    ahead.wait()
    for moment in (_status(done=0, running=2), _status(done=4, running=1)):
        ahead.look(moment)
    threading.Timer(0.2, begun.set).start()
    ahead.wait()
    assert imported


def test_nothing_is_imported_between_two_trials_of_which_more_follow(imports):
    ahead = module.ReportAhead()
    for moment in (_status(done=0, running=2), _status(done=1, running=1), _status(done=1, running=2)):
        ahead.look(moment)
    assert imports == []


@pytest.mark.parametrize("configurations", [1, 2])
def test_a_sweep_of_which_every_trial_failed_is_an_error(configurations, monkeypatch, tmp_path, capsys, worded):
    (tmp_path / "space.yaml").write_text(SPACE.replace("configurations: 2", f"configurations: {configurations}"))
    out = tmp_path / "out"

    def lose(work, *_):
        prepared, folder = work.prepared, work.folder
        for group in prepared.plan.groups:
            trial = (*prepared.plan.search(group), *prepared.plan.replicates(group, 0))[0]
            end = TrialEnd(status="failed", error="loss is NaN")
            records = records_of(trial, prepared.of(trial), sweep="s", end=end)
            archive.write_records(folder, trial.name, records)
        return archive.count(folder)

    monkeypatch.setattr(connection, "connect", lambda **_: nullcontext(_Cluster()))
    monkeypatch.setattr(SweepWork, "run", lose)
    monkeypatch.setattr(sys, "argv", ["ray-mtlkd", "sweep", str(tmp_path / "space.yaml"), f"--out={out}"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    worded(line)


@pytest.mark.parametrize("begun", [False, True])
def test_a_sweep_that_is_stopped_says_how_to_go_on_if_there_is_anything_to_go_on_with(
    begun, monkeypatch, tmp_path, capsys
):
    (tmp_path / "space.yaml").write_text(SPACE)
    out, code = tmp_path / "o u t", tmp_path / "code"
    code.mkdir()

    def stop(work, cluster, begin):
        if begun:
            begin()
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(connection, "connect", lambda **_: nullcontext(_Cluster()))
    monkeypatch.setattr(SweepWork, "run", stop)
    monkeypatch.setattr(Interruption, "end_in_time", lambda _: None)  # it would end the tests
    monkeypatch.delenv("MTLKD_DATA", raising=False)  # else the line says it as well
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ray-mtlkd", "sweep", "space.yaml", "--out=o u t", "--code=code"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 128 + signal.SIGTERM
    last = capsys.readouterr().out.splitlines()[-1]
    assert (f"ray-mtlkd sweep --resume '{out}' --code {code}" in last) == begun
    assert not list(out.glob("driver-*"))
