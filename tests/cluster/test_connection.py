import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import ray

from ray_mtlkd.cluster import connection as module
from ray_mtlkd.cluster.connection import connect
from ray_mtlkd.errors import MtlkdError
from tests.scripts import json_in, printed_by

SCRIPT = Path(__file__).with_name("workers_of_clusters.py")


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """Calls of Ray's own functions in order, each with its thread; what ``init`` raises may be appended first."""
    seen, problems = [], []

    def init(**_):
        seen.append(("init", threading.get_ident()))
        if problems:
            raise problems[0]

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)  # other tests may have a connection
    monkeypatch.setattr(ray, "shutdown", lambda: seen.append(("shutdown", threading.get_ident())))
    monkeypatch.setattr(os, "environ", dict(os.environ))  # what Ray is told is not for other tests
    monkeypatch.setattr(module, "_TOKEN", tmp_path / "none")
    monkeypatch.setattr(module, "reach", lambda *_, **__: None)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return seen, problems


def test_ray_starts_once_and_ends_in_the_same_thread_which_is_not_the_caller_s(calls):
    seen, _ = calls
    with connect() as cluster:
        cluster.start()
        cluster.start()
        cluster.wait()
        cluster.stop()
    (_, first), (_, last) = seen
    assert [name for name, _ in seen] == ["init", "shutdown"]
    assert first == last != threading.get_ident()


def test_a_cluster_that_nobody_needs_never_starts(calls):
    with connect():
        pass
    assert calls[0] == []


def test_a_process_that_is_connected_works_with_that_connection_and_keeps_it(calls, monkeypatch):
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    with connect() as cluster:
        cluster.start()
        cluster.wait()
    assert calls[0] == []


@pytest.mark.usefixtures("calls")
def test_modules_that_workers_of_a_connection_would_not_find_are_an_error(monkeypatch, refused):
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    with connect(code="/own") as cluster, refused():
        cluster.wait()


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("preload", [True, False])
def test_workers_import_ahead_only_where_trials_will_run(preload, monkeypatch):
    monkeypatch.delenv("RAY_preload_python_modules", raising=False)
    with connect(preload=preload) as cluster:
        cluster.wait()
    assert ("RAY_preload_python_modules" in os.environ) == preload


def test_ray_ends_where_the_body_fails(calls):
    seen, _ = calls
    with pytest.raises(ValueError, match="body"), connect() as cluster:  # noqa: PT012 - it is the body that fails
        cluster.start()
        raise ValueError("body")
    assert [name for name, _ in seen] == ["init", "shutdown"]


def test_a_connection_that_fails_is_an_error_where_it_is_waited_for(calls, monkeypatch, refused):
    _, problems = calls
    problems.append(ConnectionError("nobody is there\nand more"))
    monkeypatch.setenv("RAY_ADDRESS", "host:1")
    with connect() as cluster:
        cluster.start()
        with refused() as caught:
            cluster.wait()
    assert caught.value.where == "RAY_ADDRESS=host:1"


def _let_in(error, monkeypatch):
    """Ray's core prints by itself, and Python something else, before Ray connects or fails."""

    def init(**_):
        sys.stderr.write("somebody's own\n")
        os.write(2, CORE_LINE.encode())
        if error is not None:
            raise error

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setenv("RAY_ADDRESS", "host:1")
    with connect() as cluster:
        cluster.wait()


CORE_LINE = (
    "[2026-01-31 12:00:00,123 W 7 9] gcs_client.cc:210: Failed to get cluster ID from GCS server: Unauthenticated:"
    " RPC error: InvalidAuthToken: Authentication token is missing or incorrect\n"
)


@pytest.mark.usefixtures("calls")
def test_what_ray_s_core_prints_while_it_connects_is_not_for_the_terminal(monkeypatch, capfd):
    _let_in(None, monkeypatch)
    assert capfd.readouterr().err == "somebody's own\n"


@pytest.mark.usefixtures("calls")
def test_a_wrong_token_is_told_as_such(monkeypatch, capfd, refused):
    with refused():
        _let_in(ConnectionError("Failed to connect to Ray cluster at host:1"), monkeypatch)
    assert "gcs_client" not in capfd.readouterr().err


@pytest.mark.parametrize("failures", [1, 2])
def test_a_start_that_was_too_slow_is_tried_again_once_what_it_left_has_gone_with_its_thread(
    calls, monkeypatch, failures
):
    begun = []

    def init(**_):
        assert not any(thread.is_alive() for thread in begun)
        begun.append(threading.current_thread())
        if len(begun) <= failures:
            raise Exception("The current node timed out during startup")  # noqa: TRY002 - Ray has no other

    monkeypatch.setattr(ray, "init", init)
    with connect() as cluster:
        cluster.wait()
    assert len(begun) == failures + 1
    assert [name for name, _ in calls[0]] == ["shutdown"]


@pytest.mark.parametrize("named", ["", "host:1"], ids=["here", "there"])
def test_no_failure_is_repeated_that_time_cannot_mend(calls, monkeypatch, named):
    seen, problems = calls
    problems.append(RuntimeError("another version") if named else ValueError("a wrong option"))
    monkeypatch.setenv("RAY_ADDRESS", named)
    with connect() as cluster, pytest.raises(MtlkdError):
        cluster.wait()
    assert len(seen) == 1


@pytest.mark.parametrize("named", ["", "host:1"], ids=["here", "there"])
def test_a_ray_that_never_answers_is_an_error_in_time_and_is_left_when_it_answers_after_all(calls, monkeypatch, named):
    seen, answers = [], threading.Event()
    monkeypatch.setenv("RAY_ADDRESS", named)
    monkeypatch.setattr(module, "_SHORT_GOODBYE_S", 0.1)
    monkeypatch.setattr(module.atexit, "unregister", seen.append)
    monkeypatch.setattr(ray, "init", lambda **_: answers.wait(60))
    with connect(wait_s=0.2) as cluster, pytest.raises(MtlkdError) as caught:
        cluster.wait()
    assert caught.value.where == (f"RAY_ADDRESS={named}" if named else "this machine")
    assert seen == [ray.shutdown]
    answers.set()
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "ray"]
    thread.join(60)
    assert [name for name, _ in calls[0]] == ["shutdown"]


@pytest.fixture(scope="module")
def told(tmp_path_factory, cluster):
    """What workers did, of a cluster of the script's own and of the run's."""
    folder, code = (tmp_path_factory.mktemp(name) for name in ("trials", "code"))
    (code / "somebodys_own.py").write_text('WORD = "found"\n')
    return json_in(printed_by(SCRIPT, folder, code, on=cluster))


@pytest.mark.ray
def test_trials_run_in_workers_that_were_waiting_for_them(told):
    assert told["trials"] == [{"waited": True, "imported": True}] * 2


ENDED = """
import os, signal, sys, time
import ray_mtlkd.cluster
import ray

@ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)
class Actor:
    def pid(self):
        return os.getpid()

    def work(self):
        time.sleep(600)

signal.alarm(900)
ray.init(os.environ["RAY_ADDRESS"], log_to_driver=False)
ended, lost = Actor.remote(), Actor.remote()
pids = ray.get([ended.pid.remote(), lost.pid.remote()])
work = [ended.work.remote(), lost.work.remote()]
time.sleep(1)
ray.kill(ended)
time.sleep(1)
os.kill(pids[1], signal.SIGKILL)
sys.stdin.readline()
"""


@pytest.mark.ray
def test_the_terminal_is_told_of_actors_that_were_lost_but_not_of_those_that_were_ended(cluster):
    driver = subprocess.Popen(
        [sys.executable, "-c", ENDED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **cluster},
    )
    first = next(line for line in driver.stdout if "Task Actor.work failed" in line)
    rest, _ = driver.communicate("\n")
    assert "ray.kill" not in first + rest


def _told(calls, monkeypatch, tmp_path, *, address=None):
    """What ``ray.init`` is told, and what processes that start then find on their path."""
    told = {}

    def init(**options):
        told.update(options, path=os.environ.get("PYTHONPATH"))

    monkeypatch.setattr(ray, "init", init)
    if address is not None:
        monkeypatch.setenv("RAY_ADDRESS", address)
    with connect(preload=False, code=str(tmp_path)) as cluster:
        cluster.wait()
    return told


def test_workers_of_this_machine_find_the_user_s_modules_first_and_need_no_environment_of_their_own(
    calls, monkeypatch, tmp_path
):
    monkeypatch.setenv("PYTHONPATH", "before")
    told = _told(calls, monkeypatch, tmp_path)
    assert told["path"] == f"{tmp_path}{os.pathsep}before"
    assert "runtime_env" not in told
    assert os.environ["PYTHONPATH"] == "before"


def test_a_cluster_of_others_is_given_a_copy_of_the_user_s_modules(calls, monkeypatch, tmp_path):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    told = _told(calls, monkeypatch, tmp_path, address="host:1")
    assert told["runtime_env"] == {"working_dir": str(tmp_path)}
    assert told["path"] is None


@pytest.mark.ray
def test_workers_import_the_user_s_modules_here_and_on_other_clusters(told):
    assert (told["own"], told["other"]) == ("found", "found")
