"""One entry of a search space's ``strategies``, with everything that it can be configured by."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ray_mtlkd.decode import join, leaves
from ray_mtlkd.errors import MtlkdError, gather
from ray_mtlkd.models.architecture import KEYS
from ray_mtlkd.sweep import domains
from ray_mtlkd.sweep.design import Design
from ray_mtlkd.sweep.domains import Domain
from ray_mtlkd.sweep.schema import SpaceDocument
from ray_mtlkd.training.configuration import (
    OWN,
    STRATEGY,
    Configuration,
    ConfigurationReader,
    Tree,
    describe,
)
from ray_mtlkd.training.settings import SAME_FOR_ALL

SETTINGS = tuple(key for key in OWN if key not in KEYS)
"""Sections whose keys a strategy may set each for itself, beside what the space says for all."""
_EACH = 100
"""What reading a configuration takes beside its values, in values."""
_MOST_TO_TRY = 8
"""Values that an error repeats."""


@dataclass(frozen=True, kw_only=True)
class StrategySpace:
    """A strategy's configurations.

    Attributes:
        label: Display name, unique in the space.
        tree: What says a configuration, with domains.
        domains: Every domain in the tree, by path.
        design: Their values by configuration.
        example: The configuration with every domain at its first candidate.
    """

    label: str
    tree: Tree
    domains: Mapping[str, Domain]
    design: Design
    example: Configuration

    @property
    def settings(self) -> dict[str, Any]:
        """All that says its configurations, by path: every default is named, and domains stand as they are written."""
        fixed = {
            path: value
            for path, value in leaves(describe(self.example)).items()
            if not any(is_in(path, at) for at in self.domains)
        }
        drawn = {
            path: value
            for path, value in leaves(self.tree).items()
            if any(is_in(path, join(at, domain.kind)) for at, domain in self.domains.items())
        }
        return {path.removeprefix(f"{STRATEGY}."): value for path, value in {**fixed, **drawn}.items()}


def work(document: SpaceDocument) -> int:
    """About how many values are looked at to read all configurations of a search space, in all its setups."""
    values, candidates = domains.extent(_shared_tree(document))
    total = 0
    for entry in document.strategies:
        own_values, own_candidates = domains.extent(entry)
        readings = candidates + own_candidates + document.search.configurations * len(document.setups)
        total += (_EACH + values + own_values) * readings
    return total


def is_in(path: str, where: str) -> bool:
    """Whether a YAML path is another one or leads on from there."""
    return path.startswith(where) and path[len(where) : len(where) + 1] in {"", ".", "["}


def strategy_space(
    document: SpaceDocument, at: int, reader: ConfigurationReader, problems: list[MtlkdError]
) -> StrategySpace | None:
    """Strategy number ``at``, each candidate value of each of its domains decoded once; None where there are problems.

    Args:
        document: The search space.
        at: The strategy's place in the list.
        reader: What has been decoded for other strategies.
        problems: Are added to.
    """
    where, entry = join("strategies", at), document.strategies[at]
    own = {key: entry[key] for key in OWN if key in entry} if isinstance(entry, dict) else {}
    broken = list(_own_problems(own))
    tree = {} if broken else _tree(document, entry, own)
    known: dict[str, Domain] = {}
    for path, found in domains.find(tree, ""):
        if isinstance(found, MtlkdError):
            broken.append(found)
        else:
            known[path] = found
    space = None if broken else _read(document, entry, own, tree=tree, known=known, reader=reader, problems=broken)
    there = leaves(tree) if broken else {}
    problems += [
        MtlkdError(each.what, where=_placed(each.where, where, own), fix=_fix(each, there.get(each.where)))
        for each in broken
    ]
    return space


def _read(
    document: SpaceDocument,
    entry: Any,
    own: Mapping[str, Any],
    *,
    tree: Tree,
    known: Mapping[str, Domain],
    reader: ConfigurationReader,
    problems: list[MtlkdError],
) -> StrategySpace | None:
    """The strategy in a tree with domains; None where there are problems, which are placed in the tree."""
    first = {path: domain.candidates[0] for path, domain in known.items()}
    others: list[Configuration] = []
    for path, domain in known.items():
        for candidate in domain.candidates[1:]:
            with gather(problems):
                others.append(reader.read(domains.fill(tree, {**first, path: candidate})))
    with gather(problems):
        example = reader.read(domains.fill(tree, first))
        if {_pair(other) for other in others} - {_pair(example)}:
            raise MtlkdError(
                "its curriculum or balancer is a domain", where=STRATEGY, fix="list each pair as a strategy of its own"
            )
        design = _design(document, known, own)
        label = _label(entry, example, own)
        return StrategySpace(label=label, tree=tree, domains=known, design=design, example=example)
    return None


def _fix(problem: MtlkdError, there: Any) -> str:
    """How to mend what stands there: a list where one value belongs may mean several to try."""
    is_list = isinstance(there, list) and 1 < len(there) <= _MOST_TO_TRY and {*map(type, there)} <= {int, float, str}
    if not is_list or not problem.fix.startswith("give ") or "list" in problem.fix:
        return problem.fix
    return f"{problem.fix}, or {{choice: {json.dumps(there)}}} to try each"


def _own_problems(own: Mapping[str, Any]) -> Iterator[MtlkdError]:
    """What a strategy must not say of its own, placed in the tree."""
    for section in SETTINGS:
        if section in own and not isinstance(own[section], dict):
            yield MtlkdError("not a mapping", where=section, fix="give keys and values, as the space's own has them")
            continue
        for key in own.get(section, {}) if section == "training" else ():
            if key in SAME_FOR_ALL:
                fix = "say it once, in the space's `training:`"
                yield MtlkdError("is the same for every strategy", where=join(section, key), fix=fix)


def _tree(document: SpaceDocument, entry: Any, own: Mapping[str, Any]) -> Tree:
    """What says the strategy's configurations: its entry, and what the space says for all."""
    rest = {key: item for key, item in entry.items() if key not in own} if own else entry
    shared = _shared_tree(document)
    merged = {key: {**shared[key], **own[key]} if key in SETTINGS else own[key] for key in own}
    return {**shared, **merged, STRATEGY: rest}


def _shared_tree(document: SpaceDocument) -> dict[str, Any]:
    """What the space says for all strategies."""
    return {
        "encoder": document.encoder,
        "sharing": document.sharing,
        "regularizers": document.regularizers,
        "training": document.training,
        "convergence": document.convergence,
        "kd": document.kd,
        "relabel": document.relabel,
    }


def _design(document: SpaceDocument, known: Mapping[str, Domain], own: Mapping[str, Any]) -> Design:
    """Where the strategy's settings lie: those of the space have their places also where the strategy lacks them."""
    shared = {path: each for path, each in domains.find(_shared_tree(document), "") if isinstance(each, Domain)}
    alone = {path: each for path, each in known.items() if path not in shared or _is_own(path, own)}
    return Design(seed=document.search.seed, shared=shared, own=alone)


def _is_own(path: str, own: Mapping[str, Any]) -> bool:
    """Whether what stands at a path of the tree is what the strategy says of its own."""
    section, *rest = re.split(r"[.\[]", path, maxsplit=2)
    return section in own and (section in KEYS or not rest or rest[0] in own[section])


def _pair(configuration: Configuration) -> tuple[str, str]:
    return configuration.strategy.references


def _label(entry: Any, example: Configuration, own: Collection[str]) -> str:
    """A strategy's display name, with what its architecture has of its own where it gives no label."""
    if "label" in entry:
        return example.strategy.name
    found = example.architecture
    parts: dict[str, Sequence[Any]] = {
        "encoder": [found.encoder],
        "sharing": [found.sharing],
        "regularizers": found.regularizers,
    }
    return "+".join([example.strategy.name, *(part.name for key in KEYS if key in own for part in parts[key])])


def _placed(path: str, where: str, own: Mapping[str, Any]) -> str:
    """Where a path of the tree stands in the file."""
    if is_in(path, STRATEGY):
        return where + path.removeprefix(STRATEGY)
    return join(where, path) if _is_own(path, own) else path
