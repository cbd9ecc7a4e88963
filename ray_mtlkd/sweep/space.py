"""A search-space file: what a sweep compares. Decoded once, with every error reported at its YAML path."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ray_mtlkd.decode import decode, document, join, read_yaml
from ray_mtlkd.errors import MtlkdError, raise_all
from ray_mtlkd.models.encoders import EncoderConfig, decode_encoder
from ray_mtlkd.strategies import Strategy, decode_strategy
from ray_mtlkd.sweep import domains
from ray_mtlkd.sweep.domains import Domain
from ray_mtlkd.training.settings import Configuration, Convergence, Distillation, Optimization, Relabelling

T = TypeVar("T")


@document
@dataclass(frozen=True, kw_only=True)
class Search:
    """How configurations are tried.

    Attributes:
        configurations: Per setup and strategy, the same number for all.
        seed: Decides the draws, and is the training seed of the search trials.
    """

    configurations: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.configurations < 1:
            raise ValueError(f"configurations must be at least 1, got {self.configurations}")


@document
@dataclass(frozen=True, kw_only=True)
class Replicate:
    """How the best configurations run again.

    Attributes:
        seeds: Fresh training seeds, the same for all strategies.
    """

    seeds: tuple[int, ...] = (1, 2, 3)

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ValueError("seeds must be at least one and different from each other")


@document
@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one trial holds and risks.

    Attributes:
        cpus: Also its torch threads.
        gpus: Above 0: trials train on a GPU.
        checkpoint_every_s: What a lost worker may cost; 0 writes a checkpoint at each evaluation.
    """

    cpus: int = 1
    gpus: float = 0.0
    checkpoint_every_s: float = 15.0

    def __post_init__(self) -> None:
        if self.cpus < 1 or self.gpus < 0 or self.checkpoint_every_s < 0:
            raise ValueError("cpus must be at least 1, gpus and checkpoint_every_s 0 or above")


@document
@dataclass(frozen=True, kw_only=True)
class _Document:
    """A search-space file before its domains are understood."""

    name: str
    setups: tuple[str, ...]
    strategies: list[Any]
    encoder: Any
    training: dict[str, Any] = field(default_factory=dict)
    convergence: dict[str, Any] = field(default_factory=dict)
    kd: dict[str, Any] = field(default_factory=dict)
    relabel: dict[str, Any] = field(default_factory=dict)
    search: Search = field(default_factory=Search)
    replicate: Replicate = field(default_factory=Replicate)
    resources: Resources = field(default_factory=Resources)


_STRATEGY = "strategy"


@dataclass(frozen=True, kw_only=True)
class StrategySpace:
    """One entry of ``strategies`` with everything that it can be configured by.

    Attributes:
        label: Display name, unique in the space.
        tree: Sections ``encoder``, ``training``, ``convergence``, ``kd``, ``relabel`` and ``strategy``, with domains.
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
        fingerprint: Hash of all that decides what runs.
    """

    name: str
    setups: tuple[str, ...]
    strategies: tuple[StrategySpace, ...]
    search: Search
    replicate: Replicate
    resources: Resources
    fingerprint: str


def read_space(path: Path) -> SearchSpace:
    """The search space in a YAML file.

    Raises:
        MtlkdError: the only error.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    return decode_space(read_yaml(path), where=path.name)


def decode_space(value: Any, *, where: str) -> SearchSpace:
    """A search space from plain YAML data; ``where`` names it in errors about the whole document."""
    if not isinstance(value, dict):
        raise MtlkdError("not a search space", where=where, fix="start with the keys name, setups, encoder, strategies")
    problems: list[MtlkdError] = []
    raw = _attempt(lambda: decode(_Document, value, where=""), problems)
    if raw is None:
        raw, more = _what_decodes(value)
        problems.extend(more)
        if raw is None:
            raise_all(where, problems)
            raise AssertionError  # unreachable: a document that does not decode has problems
    problems.extend(_shape_problems(raw))
    found = [_strategy_space(raw, at, problems) for at in range(len(raw.strategies))]
    strategies = tuple(space for space in found if space is not None)
    problems.extend(_label_problems(strategies))
    problems.extend(_grid_problems(strategies, raw.search))
    raise_all(where, _without_repeats(problems))
    return SearchSpace(
        name=raw.name,
        setups=raw.setups,
        strategies=strategies,
        search=raw.search,
        replicate=raw.replicate,
        resources=raw.resources,
        fingerprint=hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16],
    )


def configuration(tree: Mapping[str, Any], where: str = "strategy") -> Configuration:
    """The configuration in a tree without domains; a strategy's errors are placed at ``where``.

    Raises:
        MtlkdError: the only error.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    problems: list[MtlkdError] = []
    strategy = _attempt(lambda: decode_strategy(tree[_STRATEGY], where=where), problems)
    encoder = _attempt(lambda: decode_encoder(tree["encoder"], where="encoder"), problems)
    training = _attempt(lambda: decode(Optimization, tree["training"], where="training"), problems)
    convergence = _attempt(lambda: decode(Convergence, tree["convergence"], where="convergence"), problems)
    kd = _attempt(lambda: decode(Distillation, tree["kd"], where="kd"), problems)
    relabel = _attempt(lambda: decode(Relabelling, tree["relabel"], where="relabel"), problems)
    if strategy is None or encoder is None or training is None or convergence is None or kd is None or relabel is None:
        raise ExceptionGroup(where, problems)
    return Configuration(
        strategy=strategy, encoder=encoder, training=training, convergence=convergence, kd=kd, relabel=relabel
    )


def _attempt(build: Callable[[], T], problems: list[MtlkdError]) -> T | None:
    """The value, or None with its errors added to ``problems``."""
    try:
        return build()
    except MtlkdError as error:
        problems.append(error)
    except ExceptionGroup as group:
        problems.extend(flatten(group))
    return None


def flatten(group: BaseExceptionGroup[BaseException]) -> Iterator[MtlkdError]:
    """The errors in a group; anything that is not an ``MtlkdError`` is raised."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from flatten(error)
        elif isinstance(error, MtlkdError):
            yield error
        else:
            raise error


def _what_decodes(value: dict[str, Any]) -> tuple[_Document | None, list[MtlkdError]]:
    """The document without the keys that are wrong at the top, so that errors further down are found as well."""
    kept: dict[str, Any] = {}
    base = {"name": "x", "setups": ["x"], "strategies": ["sum"], "encoder": "mlp"}
    for key, item in value.items():
        problems: list[MtlkdError] = []
        _attempt(lambda: decode(_Document, {**base, key: item}, where=""), problems)  # noqa: B023 - called at once
        if not problems:
            kept[key] = item
    problems = []
    return _attempt(lambda: decode(_Document, {**base, **kept}, where=""), problems), problems


def _shape_problems(raw: _Document) -> Iterator[MtlkdError]:
    if not raw.name or not all(letter.isalnum() or letter in "-_." for letter in raw.name):
        yield MtlkdError(
            f"{raw.name!r} cannot name a folder", where="name", fix="use letters, digits, '-', '_' and '.'"
        )
    if not raw.setups:
        yield MtlkdError("no setup", where="setups", fix="name at least one, e.g. [similar]")
    for setup in sorted({setup for setup in raw.setups if raw.setups.count(setup) > 1}):
        yield MtlkdError(f"{setup!r} stands here twice", where="setups", fix="name each setup once")
    if not raw.strategies:
        yield MtlkdError("no strategy", where="strategies", fix="name at least one, e.g. [sum, joint_kd]")
    if raw.search.seed in raw.replicate.seeds:
        yield MtlkdError(
            f"seed {raw.search.seed} is also the seed of the search",
            where="replicate.seeds",
            fix="replicate on fresh seeds, so that the choice of a configuration cannot favour them",
        )


def _strategy_space(raw: _Document, at: int, problems: list[MtlkdError]) -> StrategySpace | None:
    """One strategy with its domains, each candidate value of each domain decoded once."""
    where = join("strategies", at)
    tree = {
        "encoder": raw.encoder,
        "training": raw.training,
        "convergence": raw.convergence,
        "kd": raw.kd,
        "relabel": raw.relabel,
        _STRATEGY: raw.strategies[at],
    }
    known: dict[str, Domain] = {}
    broken = []
    for path, found in domains.find(tree, ""):
        if isinstance(found, MtlkdError):
            broken.append(MtlkdError(found.what, where=_placed(found.where, where), fix=found.fix))
        else:
            known[path] = found
    if broken:
        problems.extend(broken)
        return None
    first = {path: domain.candidates[0] for path, domain in known.items()}
    example = _attempt(lambda: configuration(domains.fill(tree, first), where), problems)
    if example is None:
        return None
    for path, domain in known.items():
        for candidate in domain.candidates[1:]:
            filled = domains.fill(tree, {**first, path: candidate})
            _attempt(lambda: configuration(filled, where), problems)  # noqa: B023 - called at once
    return StrategySpace(label=example.strategy.name, tree=tree, domains=known, example=example)


def _placed(path: str, where: str) -> str:
    return where + path.removeprefix(_STRATEGY) if path.startswith(_STRATEGY) else path


def _label_problems(strategies: tuple[StrategySpace, ...]) -> Iterator[MtlkdError]:
    labels = [space.label for space in strategies]
    for label in sorted({label for label in labels if labels.count(label) > 1}):
        places = ", ".join(join("strategies", at) for at, other in enumerate(labels) if other == label)
        yield MtlkdError(f"{label!r} stands here twice ({places})", where="strategies", fix="give one a `label:`")


def _grid_problems(strategies: tuple[StrategySpace, ...], search: Search) -> Iterator[MtlkdError]:
    for space in strategies:
        size = domains.grid_size(space.domains)
        if size > search.configurations:
            yield MtlkdError(
                f"the grids of {space.label!r} have {size} points for {search.configurations} configurations",
                where="search.configurations",
                fix=f"set it to {size}, or make a grid smaller; every strategy gets the same number",
            )


def _without_repeats(problems: list[MtlkdError]) -> list[MtlkdError]:
    """An error in a section that all strategies share is found once a strategy."""
    return list({str(problem): problem for problem in problems}.values())


def strategy_of(space: StrategySpace) -> Strategy:
    """The strategy with every domain at its first candidate."""
    return space.example.strategy


def encoder_of(space: StrategySpace) -> EncoderConfig:
    """The encoder with every domain at its first candidate."""
    return space.example.encoder
