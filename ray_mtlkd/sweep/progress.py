"""How far a sweep is, as its folder tells: also while somebody else drives it, and after it has ended."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean

from ray_mtlkd import setups
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep import archive
from ray_mtlkd.sweep.lock import Claim, drivers
from ray_mtlkd.sweep.output import read_head
from ray_mtlkd.sweep.plan import Plan
from ray_mtlkd.sweep.portable import space_of
from ray_mtlkd.sweep.space import read_space
from ray_mtlkd.sweep_folder import HEAD, SweepFolder

_LIVE = re.compile(r"live-(\d+)\.")


@dataclass(frozen=True, kw_only=True)
class GroupProgress:
    """A strategy in a setup.

    Attributes:
        planned: Trials, of search and replicate.
        ok: Trials that have ended well.
        score: Mean skill on validation over the replicate trials that have, at their checkpoints; None before.
        seeds: Of these.
    """

    setup: str
    strategy: str
    planned: int
    ok: int
    failed: int
    score: float | None
    seeds: int


@dataclass(frozen=True, kw_only=True)
class OpenTrial:
    """A trial that has begun and not ended: it runs, or is to go on.

    Attributes:
        step: Of its last checkpoint.
        age_s: Seconds since then, by this machine's clock.
    """

    name: str
    step: int
    age_s: float


@dataclass(frozen=True, kw_only=True)
class SweepProgress:
    """A sweep at one moment.

    Attributes:
        groups: In the order of the search space.
        trials: That are open, the one first that has given a sign last.
        drivers: Who says to drive it, and whether it lives; None: on another machine.
    """

    name: str
    groups: tuple[GroupProgress, ...]
    trials: tuple[OpenTrial, ...]
    drivers: dict[Claim, bool | None]

    @property
    def planned(self) -> int:
        """Trials in all."""
        return sum(group.planned for group in self.groups)

    @property
    def ended(self) -> int:
        """Trials that run no more."""
        return sum(group.ok + group.failed for group in self.groups)

    @property
    def failed(self) -> int:
        """Of these, those that failed."""
        return sum(group.failed for group in self.groups)


def progress_of(uri: str) -> SweepProgress:
    """The sweep in a folder.

    Raises:
        MtlkdError: where there is none, or a file of it is damaged; ExceptionGroup where its search space is wrong in
            many ways.
    """
    folder = SweepFolder.at(uri)
    if folder.root.read(HEAD) is None:
        raise MtlkdError("there is no sweep", where=uri, fix="give the folder that a sweep wrote")
    head = read_head(folder)
    with space_of(folder) as path:
        space = read_space(path)
        places = {name: setups.locate(name, data_dir=None) for name in space.setups}
    plan = Plan(space, {place.manifest.name: len(place.manifest.tasks) for place in places.values()})
    rows = list(archive.trials(folder, "setup", "strategy", "stage", "status", "score", "seed").values())
    per_group = plan.size // len(plan.groups)
    groups = []
    for setup, strategy in plan.groups:
        own = [row for row in rows if (row["setup"], row["strategy"]) == (setup, strategy)]
        replicated = [row for row in own if row["stage"] == "replicate" and row["status"] == "ok"]
        failed = sum(row["status"] != "ok" for row in own)
        groups.append(
            GroupProgress(
                setup=setup,
                strategy=strategy,
                planned=per_group,
                ok=len(own) - failed,
                failed=failed,
                score=fmean(row["score"] for row in replicated) if replicated else None,
                seeds=len({row["seed"] for row in replicated}),
            )
        )
    found = sorted(_open_trials(folder), key=lambda trial: trial.age_s)
    return SweepProgress(name=head.name, groups=tuple(groups), trials=tuple(found), drivers=drivers(folder))


def _open_trials(folder: SweepFolder) -> Iterator[OpenTrial]:
    now = time.time()
    for name in folder.open_trials.folders():
        trial = folder.checkpoints(name)
        found = [sign for part in (trial, *(trial.child(each) for each in trial.folders())) for sign in _signs(part)]
        if found:
            last = max(when for _, when in found)
            yield OpenTrial(name=name, step=sum(step for step, _ in found), age_s=max(0.0, now - last))


def _signs(folder: Storage) -> Iterator[tuple[int, float]]:
    """Step and time of the last checkpoint of a run; a trial of several models has several."""
    steps = [(int(found[1]), name) for name in folder.names() if (found := _LIVE.match(name)) is not None]
    if steps:
        step, name = max(steps)
        yield step, folder.modified(name) or 0.0
