"""The search for a split and its measurement, as two sweeps; whatever has run does not run again."""

import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray_mtlkd import setups
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.grouping.findings import OBSERVED, By, findings
from ray_mtlkd.grouping.trainings import ALONE, SPLIT, TOGETHER, Trainings, pairs_and_rests, strategies
from ray_mtlkd.grouping.verdict import Grouping, verdict
from ray_mtlkd.report import build, load
from ray_mtlkd.storage import Storage, absolute, join_uri, reaching
from ray_mtlkd.sweep.run import SweepListener, SweepRequest, sweep_on
from ray_mtlkd.sweep.space import encoder_folders
from ray_mtlkd.sweep_folder import HEAD, SweepFolder
from ray_mtlkd.yaml_files import changed, parse_yaml, read_text

if TYPE_CHECKING:
    from ray_mtlkd.cluster.connection import Cluster

_FROM_SPACE = ("encoder", "sharing", "regularizers", "training", "convergence", "resources", "report")
"""Sections of a search space that say how a model trains, whichever tasks it has."""
_MOST_TASKS = 14
"""2^14 groups are looked at within a second; their pairs are 91 models already."""

Listen = Callable[[], AbstractContextManager[SweepListener]]
"""Begins to listen to a sweep."""


@dataclass(frozen=True, kw_only=True)
class GroupRequest:
    """What is to be split, and how much may be trained for that.

    Attributes:
        setup: Name, or path of a manifest.
        out: Folder or URI; the sweeps ``search`` and ``confirm`` and the folder ``report`` lie in it.
        models: Most that a split may have.
        by: Whether groups are trained to find it, or all tasks together, watched by a Gramian.
        space: A search space that says how models train; None for the encoder's name and defaults.
        encoder: Without one.
        search_seeds: How often each model of the search trains.
        seeds: Fresh ones, on which what is proposed is measured.
        data_dir: Where the tables of the catalogue's setups are.
    """

    setup: str
    out: str
    models: int = 2
    by: By = "trials"
    space: Path | None = None
    encoder: str = "mlp"
    search_seeds: int = 2
    seeds: int = 5
    data_dir: Path | None = None
    tasks: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Look at the setup's tasks.

        Raises:
            MtlkdError: where there is no such setup, or it has too few tasks or too many.
            ExceptionGroup: of ``MtlkdError``, where its manifest is wrong in many ways.
        """
        tasks = tuple(setups.locate(self.setup, data_dir=self.data_dir).manifest.tasks)
        if not 1 < len(tasks) <= _MOST_TASKS:
            what = "there is nothing to split" if len(tasks) == 1 else f"{len(tasks)} tasks have too many splits"
            raise MtlkdError(what, where=f"setup {self.setup}", fix=f"take a setup of 2 to {_MOST_TASKS} tasks")
        object.__setattr__(self, "tasks", tasks)


def group_tasks(cluster: "Cluster", request: GroupRequest, *, listen: Listen) -> Grouping:
    """Find the best split of a setup's tasks into models, and measure it beside one model, and a model a task.

    Args:
        cluster: Which need not have started.
        request: What is asked for.
        listen: Called before each sweep.

    Raises:
        MtlkdError: the only problem.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    seeds = range(1, request.search_seeds + request.seeds + 1)
    trainings = pairs_and_rests(request.tasks)
    searched = strategies(trainings) if request.by == "trials" else [OBSERVED]
    uri = _sweep(cluster, request, "search", searched, seeds=seeds[: request.search_seeds], listen=listen)
    found = findings(load.read([uri]), trainings=trainings, by=request.by, models=request.models)
    measured: Trainings = {TOGETHER: None, ALONE: (), **({SPLIT: found.groups} if found.label == SPLIT else {})}
    uri = _sweep(cluster, request, "confirm", strategies(measured), seeds=seeds[request.search_seeds :], listen=listen)
    report = build([uri], join_uri(request.out, "report"))
    said = verdict(found, report.summary, report=report.page)
    with reaching(request.out):
        Storage.at(absolute(request.out)).write("grouping.json", said.facts())
    return said


def _sweep(
    cluster: "Cluster", request: GroupRequest, part: str, listed: Sequence[Any], *, seeds: Sequence[int], listen: Listen
) -> str:
    """Run one of the two sweeps, or what is left of it; returns its folder."""
    uri = join_uri(absolute(request.out), part)
    with reaching(uri):
        known = SweepFolder.at(uri).root.read(HEAD) is not None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{part}.yaml"
        path.write_text(json.dumps(_space(request, part, listed, seeds=seeds), indent=1))
        asked = SweepRequest(
            space=path, out=None if known else uri, resume=uri if known else None, data_dir=request.data_dir
        )
        with listen() as listener:
            return sweep_on(cluster, asked, listener=listener).uri


def _space(request: GroupRequest, part: str, listed: Sequence[Any], *, seeds: Sequence[int]) -> dict[str, Any]:
    """A search space of one configuration for these strategies."""
    manifest = Path(request.setup)
    own = {"encoder": request.encoder} if request.space is None else _sections(request.space)
    return {
        "name": part,
        "setups": [str(manifest.absolute()) if manifest.suffix in {".yaml", ".yml"} else request.setup],
        "classical": False,
        **own,
        "strategies": list(listed),
        "replicate": {"configurations": 1, "seeds": list(seeds)},
    }


def _sections(path: Path) -> dict[str, Any]:
    """What a search space says of how models train."""
    text = read_text(path)
    carried = encoder_folders(parse_yaml(text, where=str(path)), path)
    tree = parse_yaml(changed(text, carried), where=str(path))
    if not isinstance(tree, dict):
        raise MtlkdError("not a search space", where=str(path), fix="name one, e.g. search_spaces/quickstart.yaml")
    return {section: tree[section] for section in _FROM_SPACE if section in tree}
