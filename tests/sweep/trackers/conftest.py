import pytest

from ray_mtlkd.sweep.trackers.tracked_run import TrackedRun
from ray_mtlkd.sweep.trackers.tracker import TrackedSweep

RUN = {
    "stage": "search",
    "parameters": {"strategy": "sum", "seed": 1, "training.lr": 0.1},
    "curves": {10: {"valid/a": 0.5, "train_loss/a": 2.0}, 20: {"valid/a": 0.75}},
    "final": {"when_done/score": 0.7},
    "batches": 20,
    "wall_s": 3.0,
    "error": None,
}


@pytest.fixture
def run():
    """Makes a trial's run, with fields replaced."""
    return lambda trial, **changes: TrackedRun(trial=trial, **{**RUN, **changes})


@pytest.fixture
def sweep(tmp_path):
    return TrackedSweep(name="shop", key="shop-1234", uri=str(tmp_path / "out"))
