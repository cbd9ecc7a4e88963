"""A trial's configuration as one value, and as plain data: what a search space says, what is sent and recorded."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ray_mtlkd.decode import decode, join
from ray_mtlkd.errors import MtlkdError, gather, raise_all
from ray_mtlkd.models.architecture import KEYS, Architecture, decode_architecture
from ray_mtlkd.serial import plain
from ray_mtlkd.strategies import Strategy, decode_strategy, describe_strategy
from ray_mtlkd.training.settings import Convergence, Distillation, Optimization, Relabelling

STRATEGY = "strategy"
"""The section that says the strategy."""
Tree = Mapping[str, Any]
"""Plain data by section: ``strategy``, ``encoder``, ``sharing``, ``regularizers``, ``training``, …"""
OWN = (*KEYS, "training", "convergence", "kd")
"""Sections that a strategy may have beside its own keys."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Everything that defines a training run but its data and its seed."""

    strategy: Strategy
    architecture: Architecture
    training: Optimization = field(default_factory=Optimization)
    convergence: Convergence = field(default_factory=Convergence)
    kd: Distillation = field(default_factory=Distillation)
    relabel: Relabelling = field(default_factory=Relabelling)


class _Reading(NamedTuple):
    """One field of a configuration: the sections that say it, and what decodes them."""

    sections: tuple[str, ...]
    decode: Callable[[Tree], Any]


def _strategy(tree: Tree) -> Strategy:
    return decode_strategy(tree[STRATEGY], where=STRATEGY, beside=OWN)


def _settings(section: str, kind: type) -> _Reading:
    def read(tree: Tree) -> Any:
        return decode(kind, tree.get(section, {}), where=section)

    return _Reading((section,), read)


_SETTINGS: Mapping[str, type] = {
    "training": Optimization,
    "convergence": Convergence,
    "kd": Distillation,
    "relabel": Relabelling,
}
"""Sections that are fields of a configuration as well."""

_PARTS: Mapping[str, _Reading] = {
    "strategy": _Reading((STRATEGY,), _strategy),
    "architecture": _Reading(KEYS, decode_architecture),
    **{section: _settings(section, kind) for section, kind in _SETTINGS.items()},
}


class ConfigurationReader:
    """Decodes configurations; what several of them have in common is decoded once.

    A sweep's trials differ in few sections, and one section's values are those of every strategy.
    """

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._wrong: dict[str, list[MtlkdError]] = {}

    def read(self, tree: Tree) -> Configuration:
        """The configuration in a tree without domains.

        Raises:
            MtlkdError: the only error.
            ExceptionGroup: of ``MtlkdError``, where there are several.
        """
        problems: list[MtlkdError] = []
        parts: dict[str, Any] = {}
        for name, part in _PARTS.items():
            own = {section: tree[section] for section in part.sections if section in tree}
            key = repr((name, own))
            if key not in self._wrong:
                found: list[MtlkdError] = []
                with gather(found):
                    self._known[key] = part.decode(own)
                self._wrong[key] = found
            parts[name] = self._known.get(key)
            problems += self._wrong[key]
        raise_all("configuration", problems)
        return Configuration(**parts)


def describe(configuration: Configuration) -> dict[str, Any]:
    """The tree that `ConfigurationReader` makes the same configuration of, in any process; every default is named."""
    return {
        STRATEGY: describe_strategy(configuration.strategy),
        **configuration.architecture.describe(),
        **_settings_of(configuration),
    }


def flat(configuration: Configuration) -> dict[str, Any]:
    """Hyper-parameters, defaults included, with the same sections for all: ``{"training.lr": 0.003, …}``."""
    strategy = configuration.strategy
    curriculum, balancer = strategy.references
    sections = {
        **_settings_of(configuration),
        "curriculum": plain(strategy.curriculum),
        "balancer": plain(strategy.balancer),
        **dict(_numbered(configuration.architecture.describe())),
    }
    values = {f"{section}.{key}": _scalar(value) for section, part in sections.items() for key, value in part.items()}
    return {"curriculum.name": curriculum, "balancer.name": balancer, **values}


def _settings_of(configuration: Configuration) -> dict[str, dict[str, Any]]:
    """The settings as plain data, by section."""
    return {section: plain(getattr(configuration, section)) for section in _SETTINGS}


def _numbered(architecture: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a described architecture has in it, by place."""
    for name, part in architecture.items():
        if isinstance(part, list):
            yield from ((join(name, at), each) for at, each in enumerate(part))
        else:
            yield from _with_inner(name, part)


def _with_inner(place: str, part: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A part, and those that it has in it."""
    inner = {key: value for key, value in part.items() if isinstance(value, dict) and "name" in value}
    yield place, {key: value for key, value in part.items() if key not in inner}
    for key, value in inner.items():
        yield from _with_inner(join(place, key), value)


def _scalar(value: Any) -> Any:
    """Lists as text: ``1, 2``; lists of lists as ``a+b, c``."""
    return ", ".join(map(_item, value)) if _is_list(value) else value


def _item(value: Any) -> str:
    return "+".join(map(str, value)) if _is_list(value) else str(value)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
