"""A search-space file: what a sweep compares. Decoded once, with every error reported at its YAML path."""

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray_mtlkd.decode import join, read_yaml
from ray_mtlkd.errors import MtlkdError, gather, raise_all, within, without_repeats
from ray_mtlkd.models.architecture import KEYS
from ray_mtlkd.sweep import domains
from ray_mtlkd.sweep.domains import Domain
from ray_mtlkd.sweep.names import safe_name
from ray_mtlkd.sweep.resolve import STRATEGY, configuration
from ray_mtlkd.sweep.schema import Replicate, Resources, Search, SpaceDocument, read_document, shape_problems
from ray_mtlkd.training.settings import Configuration


@dataclass(frozen=True, kw_only=True)
class StrategySpace:
    """One entry of ``strategies`` with everything that it can be configured by.

    Attributes:
        label: Display name, unique in the space.
        tree: Sections of an architecture, of settings, and ``strategy``, with domains.
        domains: Every domain in the tree, by path.
        example: The configuration with every domain at its first candidate.
    """

    label: str
    tree: Mapping[str, Any]
    domains: Mapping[str, Domain]
    example: Configuration


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """A validated search space.

    Attributes:
        classical: Whether classical models are computed beside the trials.
        fingerprint: Hash of all that decides the trials' results.
    """

    name: str
    setups: tuple[str, ...]
    strategies: tuple[StrategySpace, ...]
    search: Search
    replicate: Replicate
    resources: Resources
    classical: bool
    fingerprint: str


def read_space(path: str | Path) -> SearchSpace:
    """The search space in a YAML file.

    Raises:
        MtlkdError: the only error.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    path = Path(path)
    value = read_yaml(path)
    if isinstance(value, dict) and isinstance(value.get("setups"), list):
        value["setups"] = [_beside(path, setup) for setup in value["setups"]]
    return decode_space(value, where=str(path))


def _beside(path: Path, setup: Any) -> Any:
    """A manifest's path as seen from here, where the manifest lies beside the search space."""
    if isinstance(setup, str) and setup.endswith((".yaml", ".yml")) and (path.parent / setup).exists():
        return str(path.parent / setup)
    return setup


def decode_space(value: Any, *, where: str) -> SearchSpace:
    """A search space from plain YAML data; ``where`` is the file that its errors name."""
    if not isinstance(value, dict):
        raise MtlkdError("not a search space", where=where, fix="start with the keys name, setups, encoder, strategies")
    problems: list[MtlkdError] = []
    raw = read_document(value, problems)
    problems.extend(shape_problems(raw))
    found = [_strategy_space(raw, at, problems) for at in range(len(raw.strategies))]
    strategies = tuple(space for space in found if space is not None)
    problems.extend(_label_problems(strategies))
    problems.extend(_grid_problems(strategies, raw.search))
    raise_all(where, within(where, without_repeats(problems)))
    return SearchSpace(
        name=raw.name,
        setups=raw.setups,
        strategies=strategies,
        search=raw.search,
        replicate=raw.replicate,
        resources=raw.resources,
        classical=raw.classical,
        fingerprint=_fingerprint(value, raw),
    )


def _strategy_space(raw: SpaceDocument, at: int, problems: list[MtlkdError]) -> StrategySpace | None:
    """One strategy with its domains, each candidate value of each domain decoded once."""
    where = join("strategies", at)
    own = _own_architecture(raw.strategies[at])
    places = {key: join(where, key) for key in own}
    tree = {
        "encoder": raw.encoder,
        "sharing": raw.sharing,
        "regularizers": raw.regularizers,
        **own,
        "training": raw.training,
        "convergence": raw.convergence,
        "kd": raw.kd,
        "relabel": raw.relabel,
        STRATEGY: _without(raw.strategies[at], own),
    }
    known: dict[str, Domain] = {}
    broken = []
    for path, found in domains.find(tree, ""):
        if isinstance(found, MtlkdError):
            broken.append(MtlkdError(found.what, where=_placed(found.where, where, own), fix=found.fix))
        else:
            known[path] = found
    if broken:
        problems.extend(broken)
        return None
    others: list[Configuration] = []
    first = {path: domain.candidates[0] for path, domain in known.items()}
    for path, domain in known.items():
        for candidate in domain.candidates[1:]:
            with gather(problems):
                others.append(configuration(domains.fill(tree, {**first, path: candidate}), where, places=places))
    with gather(problems):
        example = configuration(domains.fill(tree, first), where, places=places)
        if {_pair(other) for other in others} - {_pair(example)}:
            raise MtlkdError(
                "its curriculum or balancer is a domain", where=where, fix="list each pair as a strategy of its own"
            )
        label = _label(raw.strategies[at], example, own)
        return StrategySpace(label=label, tree=tree, domains=known, example=example)
    return None


def _pair(configuration: Configuration) -> tuple[str, str]:
    return configuration.strategy.references


def _fingerprint(value: Mapping[str, Any], raw: SpaceDocument) -> str:
    """Hash of what decides trials' results: of the resources, only the threads of a trial; not the classical."""
    decides = {key: item for key, item in value.items() if key != "classical"}
    decides["resources"] = raw.resources.cpus
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


def _own_architecture(entry: Any) -> dict[str, Any]:
    """What a strategy says of its own architecture, instead of what the space says for all."""
    return {key: entry[key] for key in KEYS if key in entry} if isinstance(entry, dict) else {}


def _without(entry: Any, own: Collection[str]) -> Any:
    """What a strategy says apart from its own architecture."""
    return {key: item for key, item in entry.items() if key not in own} if own else entry


def _label(entry: Any, example: Configuration, own: Collection[str]) -> str:
    """A strategy's display name, with what its architecture has of its own where it gives no label."""
    if not own or "label" in entry:
        return example.strategy.name
    found = example.architecture
    parts: dict[str, Sequence[Any]] = {
        "encoder": [found.encoder],
        "sharing": [found.sharing],
        "regularizers": found.regularizers,
    }
    return "+".join([example.strategy.name, *(part.name for key in KEYS if key in own for part in parts[key])])


def _placed(path: str, where: str, own: Collection[str]) -> str:
    """Where a path of the tree stands in the file."""
    if path.startswith(STRATEGY):
        return where + path.removeprefix(STRATEGY)
    return join(where, path) if re.split(r"[.\[]", path, maxsplit=1)[0] in own else path


def _label_problems(strategies: tuple[StrategySpace, ...]) -> Iterator[MtlkdError]:
    labels = [safe_name(space.label) for space in strategies]
    for label in sorted({label for label in labels if labels.count(label) > 1}):
        places = [at for at, other in enumerate(labels) if other == label]
        said = ", ".join(join("strategies", at) for at in places)
        name = strategies[places[0]].label
        yield MtlkdError(f"{name!r} stands here twice ({said})", where="strategies", fix="give one another `label:`")


def _grid_problems(strategies: tuple[StrategySpace, ...], search: Search) -> Iterator[MtlkdError]:
    for space in strategies:
        size = domains.grid_size(space.domains)
        if size > search.configurations:
            yield MtlkdError(
                f"the grids of {space.label!r} have {size} points for {search.configurations} configurations",
                where="search.configurations",
                fix=f"set it to {size}, or make a grid smaller; every strategy gets the same number",
            )
