import functools
import os

import pytest
import torch

from ray_mtlkd import setups
from ray_mtlkd.arrow import to_plain
from ray_mtlkd.records import CurvePoint, Event, TrialWarning, from_row


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Small matrices gain nothing from threads, and lose much where the machine is busy."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _no_cache():
    """Nothing of an earlier run, and nothing left in the user's own folder."""
    os.environ["MTLKD_CACHE"] = ""


@pytest.fixture(autouse=True, scope="session")
def _built_in_setups_are_drawn_once():
    """Drawing one takes a second, and always gives the same tables."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setups, "generate", functools.cache(setups.generate))
        yield


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
