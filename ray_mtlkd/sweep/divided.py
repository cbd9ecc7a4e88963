"""Layers that do not train, and whose states are not computed once, since tasks differ in them or between them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ray_mtlkd.console.live import duration
from ray_mtlkd.sweep.plan import Key, Trial


@dataclass(frozen=True, kw_only=True)
class DividedLayers:
    """What each step of some models computes, which other ways of sharing find computed.

    Attributes:
        layers: How many do not train.
        seconds: Of one core for all of a setup's tables, once forward, measured on a few rows here.
    """

    layers: int
    seconds: float


def divided_warnings(trials: Iterable[Trial], divided: Mapping[Key, DividedLayers]) -> Iterator[str]:
    """Which ways of sharing cost that, each setup's at once.

    Args:
        trials: Those that are planned.
        divided: By setup's name and by what the encoder asks of it.
    """
    names: dict[Key, dict[str, None]] = {}
    for trial in trials:
        if trial.key in divided:
            names.setdefault(trial.key, {})[trial.configuration.architecture.sharing.name] = None
    for key, sharing in names.items():
        found = divided[key]
        yield (
            f"{key[0]}: sharing {', '.join(sharing)} acts in or between the {found.layers} layers that do not train"
            " (the first embeds pieces), so that what they make is not computed once: each step goes through them,"
            f" about {duration(found.seconds)} of one core for all tables, forward alone; with encoder.states none"
            " nothing is said of it"
        )
