"""Fixtures of all tests."""

import functools
import importlib
import io
import logging
import os
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch
from hypothesis import settings

from ray_mtlkd import setups
from ray_mtlkd.arrow import to_plain
from ray_mtlkd.cli import main
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.records import CurvePoint, Event, TrialWarning, from_row
from tests.fork_server import forking
from tests.messages import Words, place_of

settings.register_profile("tests", deadline=None)  # other work may keep the machine busy
settings.load_profile("tests")


@pytest.fixture
def worded(request, tmp_path_factory):
    """Takes a text or an error, whose words must be those that messages.yaml has for the test."""
    return Words(place_of(request.node), tmp_path_factory.getbasetemp())


@pytest.fixture
def refused(worded):
    """What must be refused, with an error in the words that messages.yaml has for the test: `with refused():`."""

    @contextmanager
    def refusing(kind=MtlkdError):
        with pytest.raises(kind) as caught:
            yield caught
        worded(caught.value)

    return refusing


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Small matrices gain nothing from threads, and lose much where the machine is busy."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _no_cache():
    """Nothing of an earlier run, and nothing left in the user's own folder."""
    os.environ["MTLKD_CACHE"] = ""


@pytest.fixture(autouse=True, scope="session")
def _workers_run_like_anything_else():
    """Ray starts them so nice that other work on the machine would make them run into limits of time."""
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - the name is Ray's


@pytest.fixture(autouse=True, scope="session")
def _built_in_setups_are_drawn_and_read_once():
    """Drawing one takes a second, and always gives the same tables, unless a test draws others."""
    read = setups.read
    known = functools.cache(lambda name, _drawn_by: read(name))

    def read_once(name_or_path, *, data_dir=None):
        if name_or_path in setups.BUILT_IN:
            return known(name_or_path, setups.generate)
        return read(name_or_path, data_dir=data_dir)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setups, "generate", functools.cache(setups.generate))
        patch.setattr(setups, "read", read_once)
        yield


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A cluster of two CPUs for the whole run, which this process is connected to: what commands must find in their
    environment to use it. Its workers are forks of a process that has imported what trials need.
    """
    import ray  # noqa: PLC0415 - most tests go without

    from ray_mtlkd.cluster import connection  # noqa: PLC0415 - likewise

    for name, value in connection.ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    options = {"num_cpus": 2, "include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
    with forking(tmp_path_factory.mktemp("cluster")) as variables:
        before = os.umask(0o077)  # Ray may write a token
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            context = ray.init("local", **options)
        os.umask(before)
        yield {"RAY_ADDRESS": context.address_info["address"], "RAY_AUTH_MODE": "token"}
        ray.shutdown()


@pytest.fixture(scope="session")
def here(cluster):
    """Runs a command in this process, on the run's cluster: what `tests.scripts.run` gives, much sooner."""

    def ask(*words, cwd=None):
        said, told = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(told):
            patch.setattr(sys, "argv", ["ray-mtlkd", *map(str, words)])
            patch.chdir(cwd or Path.cwd())
            with pytest.raises(SystemExit) as end:
                main()
        return CompletedProcess(words, end.value.code or 0, said.getvalue(), told.getvalue())

    return ask


@pytest.fixture
def _figures_unsaved(monkeypatch):
    """Reports draw their figures and leave empty files: to save one takes longer than all else of a small report."""
    build = importlib.import_module("ray_mtlkd.report.build")
    monkeypatch.setattr(build, "saved", lambda _: b"")


@pytest.fixture(scope="session")
def record():
    """Makes one task's record of a trial that ended well, with fields replaced."""

    def make(**changes):
        values = {
            "sweep": "s",
            "setup": "u",
            "strategy": "sum",
            "curriculum": "joint",
            "balancer": "sum",
            "role": "baseline",
            "stage": "search",
            "config_index": 0,
            "config": "{}",
            "seed": 1,
            "trial": "t",
            "status": "ok",
            "error": None,
            "warnings": [TrialWarning(kind="data", task=None, text="a note")],
            "task": "a",
            "task_index": 0,
            "kind": "binary",
            "metric": "f1",
            "sign": 1,
            "train_rows": 10,
            "trivial": 0.1,
            "perfect": 1.0,
            "valid": 0.1 + 0.2,
            "test": None,
            "valid_peak": 0.4,
            "test_peak": 0.5,
            "teacher": None,
            "retention": None,
            "score": 0.3,
            "converged_step": None,
            "teacher_step": None,
            "checkpoint_step": 20,
            "steps": 30,
            "batches": 150,
            "wall_s": 1.5,
            "cpu_s": 1.0,
            "curve": [CurvePoint(step=10, batches=50, valid=None, loss=0.7, weight=1.0, phase="labels")],
            "events": [Event(step=10, batches=50, kind="rewind", task=None, reason="because", model_step=5)],
        }
        return from_row({name: to_plain(value) for name, value in {**values, **changes}.items()})

    return make
