"""What a search-space file means: what a sweep compares. Read once, with every error reported at its YAML path."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray_mtlkd.decode import join, leaves
from ray_mtlkd.errors import MtlkdError, raise_all, within, without_repeats
from ray_mtlkd.serial import plain
from ray_mtlkd.sweep.content import SweepContent
from ray_mtlkd.sweep.names import folded, safe_name
from ray_mtlkd.sweep.schema import Replicate, Resources, Search, Tracking, read_document
from ray_mtlkd.sweep.strategy_space import StrategySpace, strategy_space, work
from ray_mtlkd.training.configuration import ConfigurationReader
from ray_mtlkd.yaml_files import parse_yaml, read_text

_LONGEST = 120
"""Bytes of a label as a part of a file name: file systems take 255 in all."""

_MOST_WORK = 1_500_000
"""Values that are looked at in seconds: so many are in 10,000 configurations of a usual search space."""


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """A validated search space.

    Attributes:
        setups: As they are named in the file, manifests as seen from the current folder.
        classical: Whether classical models are computed beside the trials.
        teachers: Folders of soft labels, or of a kept model, by setup and task.
        tracking: Trackers that trials are logged with.
    """

    name: str
    setups: tuple[str, ...]
    strategies: tuple[StrategySpace, ...]
    search: Search
    replicate: Replicate
    resources: Resources
    classical: bool
    teachers: Mapping[str, Mapping[str, str]]
    tracking: Tracking

    def content(self, setups: Mapping[str, Mapping[str, Any]]) -> SweepContent:
        """What decides trials' results, with the content of the setups by name."""
        deciding = {
            "search": {**plain(self.search), "seeds": sorted(self.search.seeds), "halving": list(self.search.rungs)},
            "replicate": {**plain(self.replicate), "seeds": sorted(self.replicate.seeds)},
            "resources": {"cpus": self.resources.cpus},
        }
        return SweepContent(
            settings=leaves(deciding),
            strategies={strategy.label: strategy.settings for strategy in self.strategies},
            setups=setups,
        )


def read_space(path: str | Path) -> SearchSpace:
    """The search space in a YAML file.

    Raises:
        MtlkdError: the only error.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    path = Path(path)
    return parse_space(read_text(path), path)


def parse_space(text: str, path: Path) -> SearchSpace:
    """The search space in YAML text that was read from ``path``.

    Raises:
        MtlkdError: the only error.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    value = parse_yaml(text, where=str(path))
    if isinstance(value, dict) and isinstance(value.get("setups"), list):
        value["setups"] = [_beside(path, setup) if _is_manifest(setup) else setup for setup in value["setups"]]
    for place, folder in encoder_folders(value, path).items():
        holder = functools.reduce(lambda part, step: part[step], place[:-1], value)
        holder[place[-1]] = folder
    if isinstance(value, dict) and isinstance(value.get("teachers"), dict):
        value["teachers"] = {
            setup: {task: _beside(path, folder) for task, folder in tasks.items()} if isinstance(tasks, dict) else tasks
            for setup, tasks in value["teachers"].items()
        }
    return decode_space(value, where=str(path))


def _is_manifest(setup: Any) -> bool:
    return isinstance(setup, str) and setup.endswith((".yaml", ".yml"))


def _beside(path: Path, named: Any) -> Any:
    """A path as seen from here, where what it names lies beside the search space."""
    return str(path.parent / named) if isinstance(named, str) and (path.parent / named).exists() else named


def encoder_folders(value: Any, path: Path) -> dict[tuple[str | int, ...], str]:
    """Folders of pretrained encoders that a search space in ``path`` names, absolute, by the places of their names."""
    if not isinstance(value, dict):
        return {}
    listed = value.get("strategies")
    holders: dict[tuple[str | int, ...], Any] = {("encoder",): value.get("encoder")}
    for at, each in enumerate(listed if isinstance(listed, list) else ()):
        holders["strategies", at, "encoder"] = each.get("encoder") if isinstance(each, dict) else None
    holders |= {(*place, "text"): each.get("text") for place, each in holders.items() if isinstance(each, dict)}
    named = {(*place, "path"): each.get("path") for place, each in holders.items() if isinstance(each, dict)}
    folders = {place: Path(_beside(path, name)) for place, name in named.items() if isinstance(name, str)}
    return {place: str(folder.absolute()) for place, folder in folders.items() if folder.exists()}


def decode_space(value: Any, *, where: str) -> SearchSpace:
    """A search space from plain YAML data; ``where`` is the file that its errors name."""
    if not isinstance(value, dict):
        raise MtlkdError("not a search space", where=where, fix="start with the keys name, setups, encoder, strategies")
    problems: list[MtlkdError] = []
    document = read_document(value, problems)
    looked_at = work(document)
    if looked_at > _MOST_WORK:
        what = f"{looked_at:,} values to look at in all configurations, and {_MOST_WORK:,} are too many"
        fix = "try fewer configurations, setups or strategies, or let fewer values be chosen from"
        problems.append(MtlkdError(what, where="search", fix=fix))
        raise_all(where, within(where, problems))
    reader = ConfigurationReader()
    found = [strategy_space(document, at, reader, problems) for at in range(len(document.strategies))]
    strategies = tuple(space for space in found if space is not None)
    problems.extend(_label_problems(strategies))
    problems.extend(_grid_problems(strategies, document.search))
    raise_all(where, within(where, without_repeats(problems)))
    return SearchSpace(
        name=document.name,
        setups=document.setups,
        strategies=strategies,
        search=document.search,
        replicate=document.replicate,
        resources=document.resources,
        classical=document.classical,
        teachers=document.teachers,
        tracking=document.tracking,
    )


def _label_problems(strategies: tuple[StrategySpace, ...]) -> Iterator[MtlkdError]:
    names = [folded(safe_name(space.label)) for space in strategies]
    for name in sorted({name for name in names if names.count(name) > 1}):
        places = [at for at, other in enumerate(names) if other == name]
        labels = list(dict.fromkeys(repr(strategies[at].label) for at in places))
        said = (
            f"{labels[0]} stands here twice" if len(labels) == 1 else f"{' and '.join(labels)} would be one file name"
        )
        at = ", ".join(join("strategies", at) for at in places)
        yield MtlkdError(f"{said} ({at})", where="strategies", fix="give one another `label:`")
    for space in strategies:
        if len(safe_name(space.label).encode()) > _LONGEST:
            what = f"the label {space.label!r} is too long for a file name"
            yield MtlkdError(what, where="strategies", fix=f"give a `label:` of at most {_LONGEST} letters")


def _grid_problems(strategies: tuple[StrategySpace, ...], search: Search) -> Iterator[MtlkdError]:
    for space in strategies:
        size = space.design.grid_size
        if size > search.configurations:
            yield MtlkdError(
                f"the grids of {space.label!r} have {size} points for {search.configurations} configurations",
                where="search.configurations",
                fix=f"set it to {size}, or make a grid smaller; every strategy gets the same number",
            )
