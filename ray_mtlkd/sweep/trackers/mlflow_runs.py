"""Trials as runs of MLflow, below one run of the sweep, through MLflow's own client."""

import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ray_mtlkd.escapes import visible
from ray_mtlkd.imports import Later
from ray_mtlkd.sweep.trackers.tracked_run import TrackedRun
from ray_mtlkd.sweep.trackers.tracker import TrackedSweep, without_login

_mlflow = Later("mlflow")
_entities = Later("mlflow.entities")

_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # a sweep tries again by itself
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
"""Where the environment says nothing else."""
_SWEEP, _TRIAL = "ray_mtlkd.sweep", "ray_mtlkd.trial"
_MOST_METRICS = 1000
"""Of a request, as MLflow allows."""
_MOST_LETTERS = 5000
"""Of a tag."""


class MlflowRuns:
    """A run a trial, in the experiment that is called as the search space.

    A run that has not ended is of an attempt that was cut off: one process drives a sweep, and it logs trials whole.

    Args:
        uri: Of the tracking server, or of its data base.
        sweep: Whose trials.
    """

    def __init__(self, uri: str, sweep: TrackedSweep) -> None:
        self._uri = uri
        self._sweep = sweep
        self._client: Any = None
        self._experiment = ""
        self._parent = ""

    @property
    def place(self) -> str:
        """See `RunTracker`."""
        return f"MLflow at {without_login(self._uri)}"

    def open(self) -> set[str]:
        """See `RunTracker`."""
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        self._client = _mlflow.MlflowClient(tracking_uri=self._uri)
        experiment = self._client.get_experiment_by_name(self._sweep.name)
        self._experiment = experiment.experiment_id if experiment else self._client.create_experiment(self._sweep.name)
        logged: set[str] = set()
        self._parent = ""
        for run in self._runs():
            trial = run.data.tags.get(_TRIAL)
            if trial is None:
                self._parent = run.info.run_id
            elif run.info.status == "RUNNING":
                self._client.delete_run(run.info.run_id)
            else:
                logged.add(trial)
        if not self._parent:
            tags = {_SWEEP: self._sweep.key, "ray_mtlkd.folder": self._sweep.uri}
            run = self._client.create_run(self._experiment, run_name=self._sweep.key, tags=tags)
            self._parent = run.info.run_id
        return logged

    def log(self, run: TrackedRun) -> None:
        """See `RunTracker`."""
        end_ms = int(time.time() * 1000)
        start_ms = end_ms - int(run.wall_s * 1000)
        tags = {"mlflow.parentRunId": self._parent, _SWEEP: self._sweep.key, _TRIAL: run.trial}
        if run.error is not None:
            tags["error"] = visible(run.error)[:_MOST_LETTERS]
        made = self._client.create_run(self._experiment, start_time=start_ms, tags=tags, run_name=run.trial).info.run_id
        parameters = [_entities.Param(name, str(value)) for name, value in run.parameters.items()]
        self._client.log_batch(made, params=parameters)
        points = [*_points(run.curves, end_ms), *_points({run.batches: run.final}, end_ms)]
        for at in range(0, len(points), _MOST_METRICS):
            self._client.log_batch(made, metrics=points[at : at + _MOST_METRICS])
        self._client.set_terminated(made, "FINISHED" if run.error is None else "FAILED", end_time=end_ms)

    def close(self) -> None:
        """See `RunTracker`."""
        self._client.set_terminated(self._parent, "FINISHED")

    def _runs(self) -> Iterator[Any]:
        """All of the sweep's."""
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment], f"tags.`{_SWEEP}` = '{self._sweep.key}'", page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return


def _points(curves: Mapping[int, Mapping[str, float]], at_ms: int) -> Iterator[Any]:
    for batches, scalars in curves.items():
        for name, value in scalars.items():
            yield _entities.Metric(name, value, at_ms, batches)
