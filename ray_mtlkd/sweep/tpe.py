"""Configurations that follow the scores of those before: tree-structured Parzen estimators (Bergstra et al. 2011, 4).

Optuna's, on the axes of the design. The first configurations are the design's own points; then as many follow at a time
as workers should not wait for, each group of them told by the scores of all before. So what is tried follows from the
records, whoever was faster, and more configurations later leave the first as they are.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from ray_mtlkd.imports import Later
from ray_mtlkd.sweep.design import Place
from ray_mtlkd.sweep.halving import Found, Run, Standing, missing_runs

_optuna = Later("optuna")

FIRST = 8
"""Configurations that know of no scores."""
AT_A_TIME = 4
"""Configurations that know of the same scores."""


def round_of(index: int) -> range:
    """The configurations that are tried together with number ``index``, and know of all before them."""
    if index < FIRST:
        return range(FIRST)
    start = FIRST + (index - FIRST) // AT_A_TIME * AT_A_TIME
    return range(start, start + AT_A_TIME)


def standing_by_rounds(found: Mapping[Run, Found], *, configurations: int, seeds: Sequence[int]) -> Standing:
    """Where a search stands whose configurations come in rounds."""
    every = tuple(range(configurations))
    for indices in _rounds(configurations):
        missing = missing_runs(found, indices, seeds)
        if missing:
            return Standing(left=every, until=1.0, missing=missing)
    return Standing(left=every, until=1.0, missing=())


def _rounds(configurations: int) -> Iterator[range]:
    start = 0
    while start < configurations:
        stop = min(round_of(start).stop, configurations)
        yield range(start, stop)
        start = stop


def suggest(places: Sequence[Place], scores: Sequence[Sequence[float | None]], *, count: int, seed: int) -> list[Place]:
    """Where in the design to look next.

    Args:
        places: Of the configurations before [N][axes].
        scores: Of their trials [N][seeds]; None where one failed.
        count: How many are wanted; the first are the same however many.
        seed: Decides what is left to chance.
    """
    _optuna.logging.set_verbosity(_optuna.logging.WARNING)
    sampler = _optuna.samplers.TPESampler(seed=seed, n_startup_trials=0, multivariate=True, constant_liar=True)
    study = _optuna.create_study(direction="maximize", sampler=sampler)
    axes = {f"{axis:03}": _optuna.distributions.FloatDistribution(0.0, 1.0) for axis in range(len(places[0]))}
    states = _optuna.trial.TrialState
    for place, found in zip(places, scores, strict=True):
        known = [score for score in found if score is not None]
        sound = len(known) == len(found)
        study.add_trial(
            _optuna.trial.create_trial(
                state=states.COMPLETE if sound else states.FAIL,
                value=fmean(known) if sound else None,
                params=dict(zip(axes, place, strict=True)),
                distributions=axes,
            )
        )
    asked = [study.ask(axes).params for _ in range(count)]
    return [tuple(min(float(point[name]), math.nextafter(1.0, 0.0)) for name in axes) for point in asked]
