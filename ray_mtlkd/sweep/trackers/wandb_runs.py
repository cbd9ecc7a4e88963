"""Trials as offline runs of Weights & Biases, a group a sweep, through its own library: `wandb sync` sends them."""

import hashlib
import shutil
from pathlib import Path

from ray_mtlkd.escapes import in_markdown
from ray_mtlkd.imports import Later
from ray_mtlkd.sweep.trackers.tracked_run import TrackedRun
from ray_mtlkd.sweep.trackers.tracker import TrackedSweep

_wandb = Later("wandb")


class WandbRuns:
    """A run a trial, in the project that is called as the search space.

    A file beside the runs names the trials that are whole: a run itself does not tell, and those that were sent may be
    cleaned away.

    Args:
        folder: Of the runs.
        sweep: Whose trials.
    """

    def __init__(self, folder: Path, sweep: TrackedSweep) -> None:
        self._folder = folder
        self._sweep = sweep
        self._whole = folder / "wandb" / f"{sweep.key}.trials"

    @property
    def place(self) -> str:
        """See `RunTracker`."""
        return f"Weights & Biases in {self._folder}"

    def open(self) -> set[str]:
        """See `RunTracker`."""
        self._whole.parent.mkdir(parents=True, exist_ok=True)
        return set(self._whole.read_text(encoding="utf-8").splitlines()) if self._whole.exists() else set()

    def log(self, run: TrackedRun) -> None:
        """See `RunTracker`."""
        identity = hashlib.sha256(f"{self._sweep.key}/{run.trial}".encode()).hexdigest()[:16]
        for half in self._whole.parent.glob(f"offline-run-*-{identity}"):
            shutil.rmtree(half)
        settings = _wandb.Settings(
            console="off",
            silent=True,
            disable_git=True,
            disable_code=True,
            x_disable_meta=True,
            x_disable_stats=True,
        )
        made = _wandb.init(
            project=self._sweep.name,
            group=self._sweep.key,
            job_type=run.stage,
            name=run.trial,
            id=identity,
            dir=self._folder,
            config=dict(run.parameters),
            notes=None if run.error is None else in_markdown(run.error),
            mode="offline",
            reinit="create_new",
            settings=settings,
        )
        for batches, scalars in run.curves.items():
            made.log(dict(scalars), step=batches)
        made.summary.update(dict(run.final))
        made.finish(exit_code=0 if run.error is None else 1)
        with self._whole.open("a", encoding="utf-8") as file:
            file.write(f"{run.trial}\n")

    def close(self) -> None:
        """See `RunTracker`."""
        _wandb.teardown()
