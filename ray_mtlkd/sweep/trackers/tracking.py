"""All trackers of a sweep, and what they lack at its end."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from ray_mtlkd.errors import MtlkdError, raise_all
from ray_mtlkd.serial import fingerprint, plain
from ray_mtlkd.shell import command
from ray_mtlkd.storage import absolute
from ray_mtlkd.sweep import archive
from ray_mtlkd.sweep.schema import Tracking
from ray_mtlkd.sweep.space import SearchSpace
from ray_mtlkd.sweep.trackers.feed import TrackerFeed, TrialReader
from ray_mtlkd.sweep.trackers.mlflow_runs import MlflowRuns
from ray_mtlkd.sweep.trackers.tracked_run import TrackedRun, tracked_run
from ray_mtlkd.sweep.trackers.tracker import RunTracker, TrackedSweep
from ray_mtlkd.sweep.trackers.wandb_runs import WandbRuns
from ray_mtlkd.sweep_folder import SweepFolder

IN_SWEEP = "offline"
"""What `tracking.wandb` says where the runs are to lie in the sweep's own folder."""
_LOCAL = "sqlite:///"
_PATIENCE_S = 30.0
_NAMES = {"mlflow": "MLflow", "wandb": "Weights & Biases"}


def check_installed(tracking: Tracking) -> None:
    """Make sure that the libraries of the trackers are there.

    Raises:
        MtlkdError: where one is not; ExceptionGroup of them, where several are not.
    """
    problems = []
    for key, place in plain(tracking).items():
        if place is not None and find_spec(key) is None:
            fix = f"pip install 'ray-mtlkd[{key}]', or leave this out"
            problems.append(MtlkdError(f"{_NAMES[key]} is not installed", where=f"tracking.{key}", fix=fix))
    raise_all("tracking", problems)


def placed(tracking: Tracking) -> dict[str, str]:
    """What names places on this machine, by key, so that it means the same from any folder."""
    found = {}
    if tracking.wandb is not None and tracking.wandb != IN_SWEEP:
        found["wandb"] = absolute(tracking.wandb)
    if tracking.mlflow is not None and tracking.mlflow.startswith(_LOCAL):
        found["mlflow"] = _LOCAL + absolute(tracking.mlflow.removeprefix(_LOCAL))
    return found


@contextmanager
def tracked(
    space: SearchSpace, folder: SweepFolder, *, sweep: str, say: Callable[[str], None]
) -> Iterator[Callable[[str], None]]:
    """Log trials with the trackers of a search space while the body runs, and what is left once it has ended well.

    Args:
        space: Of the sweep.
        folder: Of the sweep.
        sweep: Its identity in its records.
        say: Told where a tracker fails, and at the end how many trials it lacks.

    Yields:
        What is to be told the name of each trial that has ended.

    Raises:
        MtlkdError: where a tracker wants a folder of the sweep's on this machine, and there is none.
    """
    feeds = [TrackerFeed(tracker, read=_reader(space, folder), say=say) for tracker in _trackers(space, folder, sweep)]

    for feed in feeds:
        say(f"trials are logged with {feed.place}")

    def ended(trial: str) -> None:
        for feed in feeds:
            feed.put(trial)

    yield ended
    for feed in feeds:
        feed.close(patience_s=_PATIENCE_S)
    names = archive.finished(folder) if feeds else {}
    for feed in feeds:
        left = len(names.keys() - feed.logged)
        if left:
            rest = command("ray-mtlkd", "sweep", "--resume", folder.uri)
            say(f"warning: {feed.place} lacks {left} of {len(names)} trials ({feed.reason}); log them with: {rest}")


def _trackers(space: SearchSpace, folder: SweepFolder, sweep: str) -> Iterator[RunTracker]:
    about = TrackedSweep(name=space.name, key=f"{sweep}-{fingerprint(folder.uri)[:8]}", uri=folder.uri)
    places = {**plain(space.tracking), **placed(space.tracking)}
    if places["mlflow"] is not None:
        yield MlflowRuns(places["mlflow"], about)
    if places["wandb"] == IN_SWEEP:
        if not folder.root.is_local:
            fix = "name a folder of this machine"
            raise MtlkdError("the sweep's folder is not on this machine", where="tracking.wandb", fix=fix)
        yield WandbRuns(Path(folder.root.root), about)
    elif places["wandb"] is not None:
        yield WandbRuns(Path(places["wandb"]), about)


def _reader(space: SearchSpace, folder: SweepFolder) -> TrialReader:
    """Reads trials that are over: not those that were lost, which run again."""
    swept = {each.label: [path.removeprefix("strategy.") for path in each.domains] for each in space.strategies}

    def read(names: Collection[str] | None, *, without: Collection[str], is_last: bool) -> Iterator[TrackedRun]:
        for records in archive.read_trials(folder, names=names, without=without):
            end = records[0].end
            if end.status != "lost" and (end.stopped_at is None or is_last):
                yield tracked_run(records, swept=swept.get(records[0].identity.strategy, ()))

    return read
