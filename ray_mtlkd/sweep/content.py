"""What decides the results of a sweep's trials, in pieces that can be compared one by one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ray_mtlkd.decode import join
from ray_mtlkd.serial import fingerprint


@dataclass(frozen=True, kw_only=True)
class SweepContent:
    """What makes two runs the same sweep. Neither file names, nor the order of lists, nor resources belong to it.

    Attributes:
        settings: How it searches and replicates, and the threads of a trial, by path.
        strategies: By label: everything that says a strategy's configurations, by path.
        setups: By name: what its manifest says and its tables hold, by path (`ray_mtlkd.setups.content`).
    """

    settings: Mapping[str, Any]
    strategies: Mapping[str, Mapping[str, Any]]
    setups: Mapping[str, Mapping[str, Any]]

    @property
    def fingerprint(self) -> str:
        """The same for the same content [16 hex digits]."""
        return fingerprint(self)[:16]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing in which two sweeps differ.

    Attributes:
        path: E.g. ``replicate.seeds``, ``strategies.sum``, ``strategies.sum.training.lr``,
            ``setups.shop.tables.match.train``.
        there: In the one; None where it lacks that.
        here: In the other, likewise.
    """

    path: str
    there: Any
    here: Any

    def __str__(self) -> str:
        if self.there is None:
            return f"{self.path} is new"
        if self.here is None:
            return f"{self.path} is missing"
        if self.path.startswith("setups.") and ".tables." in self.path:
            return f"{self.path} has changed"
        return f"{self.path} is {self.here} and was {self.there}"


def differences(there: SweepContent, here: SweepContent) -> tuple[Difference, ...]:
    """In what two sweeps differ; nothing where they are the same."""
    found = [*_between(there.settings, here.settings, "")]
    for name in ("strategies", "setups"):
        found += _within(getattr(there, name), getattr(here, name), name)
    return tuple(found)


def alterations(there: SweepContent, here: SweepContent) -> tuple[Difference, ...]:
    """In what a sweep that is to grow differs so that trials would change that have run; nothing where it only grows.

    It may get strategies and setups, seeds and configurations: none of them touches the trials of the others. Where a
    search halves, though, more configurations or seeds would change which ones went on, and where configurations follow
    scores, more seeds would change what followed.
    """
    halves, follows = bool(there.settings.get("search.halving")), there.settings.get("search.sampler") == "tpe"
    frozen = {*(_OF_HALVING if halves else ()), *(("search.seeds",) if follows else ())}
    found = [
        each for each in _between(there.settings, here.settings, "") if each.path in frozen or not _only_adds(each)
    ]
    for name in ("strategies", "setups"):
        then, now = getattr(there, name), getattr(here, name)
        found += _within(then, {part: content for part, content in now.items() if part in then}, name)
    return tuple(found)


_OF_HALVING = ("search.seeds", "search.configurations", "replicate.configurations")


def _only_adds(difference: Difference) -> bool:
    if difference.there is None or difference.here is None:
        return False
    match difference.path:
        case "replicate.seeds" | "search.seeds":
            return set(difference.there) <= set(difference.here)
        case "search.configurations" | "replicate.configurations":
            return bool(difference.there < difference.here)
        case _:
            return False


def _within(
    there: Mapping[str, Mapping[str, Any]], here: Mapping[str, Mapping[str, Any]], where: str
) -> Iterator[Difference]:
    yield from _between(
        {name: None if name in here else part for name, part in there.items()},
        {name: None if name in there else part for name, part in here.items()},
        where,
    )
    for name in there:
        if name in here:
            yield from _between(there[name], here[name], join(where, name))


def _between(there: Mapping[str, Any], here: Mapping[str, Any], where: str) -> Iterator[Difference]:
    for path in dict.fromkeys((*there, *here)):
        then, now = there.get(path), here.get(path)
        if then != now:
            yield Difference(path=join(where, path), there=then, here=now)
