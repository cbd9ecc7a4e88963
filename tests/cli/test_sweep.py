import threading

import pytest

from ray_mtlkd.cli import sweep as module
from ray_mtlkd.sweep.status import Status


def _status(*, done, running, failed=0):
    return Status(total=5, done=done, running=running, failed=failed, elapsed_s=1.0, eta_s=None, best=())


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


def test_nothing_is_imported_between_two_trials_of_which_more_follow(imports):
    ahead = module.ReportAhead()
    for moment in (_status(done=0, running=2), _status(done=1, running=1), _status(done=1, running=2)):
        ahead.look(moment)
    assert imports == []
