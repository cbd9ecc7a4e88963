"""What every balancer promises, whichever tasks are active and however odd the numbers."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.serial import dumps, loads
from ray_mtlkd.strategies.balancers import BALANCERS
from ray_mtlkd.strategies.balancers.base import Balancer, Signals, state_type
from ray_mtlkd.testing.base import expect, expect_structure, global_chance_untouched
from ray_mtlkd.testing.distilling import check_distilling, with_other_losses

_STEPS = 4
"""Of a run, at most."""


def check_balancer(balancer: Balancer[Any], *, tasks: int = 5, runs: int = 25, seed: int = 0) -> None:
    """Hold a balancer to its contract, on drawn losses, norms and Gramians of any subset of the tasks.

    Its weights are finite, one for each active task; the same call gives the same answer, changes no argument and draws
    from `Signals.rng` alone; its state is plain data, which goes through JSON to the bit; and what it remembers of a
    task (a tuple of as many items as there are tasks has one for each) stays as it is while the task waits. The loss
    of a task that distils, and its gradient's norm, change nothing; a task whose loss so falls to 0 gets no more weight
    for it.

    Args:
        balancer: Made for this number of tasks.
        tasks: T.
        runs: Drawn runs of some steps each.
        seed: Of the draws.

    Raises:
        AssertionError: saying what is broken.
        MtlkdError: where the balancer does not fit the number of tasks.
    """
    expect_structure(BALANCERS.misfit, balancer)
    draws = random.Random(seed)  # noqa: S311 - reproducible
    for _ in range(runs):
        state = balancer.init(tasks)
        expect(repr(balancer.init(tasks)) == repr(state), "`init` gives another state each time")
        with global_chance_untouched("`weigh`") as move_chance:
            for signals in _run(draws, tasks):
                after = _check_step(balancer, signals, state, move_chance)
                _expect_kept(state, after, waiting=_waiting(signals, tasks), tasks=tasks)
                state = _restored(balancer, after)
    if tasks > 1:
        check_distilling(balancer, tasks=tasks, seed=seed)


def draw_signals(draws: random.Random, tasks: int) -> Signals:
    """One step's signals, for some of the tasks: losses and norms of 0 among them, gradients that oppose each other.

    Now and then all gradients are 0, or lie on one line; they are of any size from 1e-15 to 1e15, so that the Gramian
    is from 1e-30 to 1e30.
    """
    active = tuple(sorted(draws.sample(range(tasks), draws.randint(1, tasks))))
    jacobian = _jacobian(draws, len(active))
    return Signals(
        tasks=active,
        losses=tuple(_size(draws) for _ in active),
        regression=tuple(draws.random() < 0.5 for _ in active),  # noqa: PLR2004 - as often as not
        names=tuple(f"task{task}" for task in active),
        distilling=frozenset(task for task in active if draws.random() < 0.2),  # noqa: PLR2004 - now and then
        skills=tuple(draws.choice((None, draws.uniform(-1, 1))) for _ in active),
        norms=tuple(_size(draws) for _ in active),
        gram=tuple(tuple(sum(a * b for a, b in zip(x, y, strict=True)) for y in jacobian) for x in jacobian),
        rng=random.Random(draws.randrange(100)),  # noqa: S311 - reproducible
    )


def _run(draws: random.Random, tasks: int) -> Iterator[Signals]:
    return (draw_signals(draws, tasks) for _ in range(draws.randint(1, _STEPS)))


def _size(draws: random.Random) -> float:
    """0, or of any size from 1e-6 to 1e4."""
    return 0.0 if draws.random() < 0.2 else 10.0 ** draws.uniform(-6, 4)  # noqa: PLR2004 - now and then


def _jacobian(draws: random.Random, count: int) -> list[list[float]]:
    """Gradients of three numbers each: all 0, on one line, or anyhow."""
    size = draws.choice((1.0, 1.0, 1e-15, 1e15))
    line = [_entry(draws) for _ in range(3)]
    sort = draws.random()
    if sort < 0.1:  # noqa: PLR2004 - now and then
        return [[0.0] * 3 for _ in range(count)]
    if sort < 0.25:  # noqa: PLR2004 - likewise
        lengths = [draws.choice((-1, 1)) * size * draws.choice((1.0, 3.0)) for _ in range(count)]
        return [[length * part for part in line] for length in lengths]
    return [[size * _entry(draws) for _ in range(3)] for _ in range(count)]


def _entry(draws: random.Random) -> float:
    return 0.0 if draws.random() < 0.2 else draws.choice((-1, 1)) * 10.0 ** draws.uniform(-3, 2)  # noqa: PLR2004


def _check_step(balancer: Balancer[Any], signals: Signals, state: Any, move_chance: Callable[[], None]) -> Any:
    """The next state, after all that one step promises."""
    said = _shown(signals, state)
    weights, after = balancer.weigh(_with_own_chance(signals), state)
    move_chance()
    again = balancer.weigh(_with_own_chance(signals), state)
    expect(repr(again) == repr((weights, after)), "`weigh` gives another answer to the same signals and state")
    expect(_shown(signals, state) == said, "`weigh` changes its arguments")
    otherwise = balancer.weigh(_with_own_chance(with_other_losses(signals)), state)
    expect(repr(otherwise) == repr((weights, after)), "`weigh` heeds what tasks in `signals.distilling` lose")
    for part in ("shared", "heads"):
        found = getattr(weights, part)
        sound = len(found) == len(signals.tasks) and all(isinstance(w, float) and math.isfinite(w) for w in found)
        expect(sound, f"{part} weights of {len(signals.tasks)} active tasks are {found}: one finite number for each")
    return after


def _shown(signals: Signals, state: Any) -> str:
    """All that `weigh` is given, but for its generator, from which it may draw."""
    return repr((state, [getattr(signals, part.name) for part in fields(signals) if part.name != "rng"]))


def _with_own_chance(signals: Signals) -> Signals:
    own = random.Random()  # noqa: S311 - reproducible: its state is the other's, which `deepcopy` takes long to copy
    own.setstate(signals.rng.getstate())
    return replace(signals, rng=own)


def _restored(balancer: Balancer[Any], state: Any) -> Any:
    """A state after its way through a checkpoint."""
    try:
        restored = loads(state_type(balancer), dumps(state), where="the state", fix="make it of its type")
    except (TypeError, MtlkdError) as error:
        raise AssertionError(f"the state is not plain data of its type: {error}") from error
    expect(repr(restored) == repr(state), "the state comes back from a checkpoint changed")
    return restored


def _waiting(signals: Signals, tasks: int) -> list[int]:
    return [task for task in range(tasks) if task not in signals.tasks]


def _expect_kept(before: Any, after: Any, *, waiting: list[int], tasks: int) -> None:
    """What a state holds of waiting tasks is what it held."""
    if is_dataclass(before) and type(after) is type(before):
        for part in fields(before):
            _expect_kept(getattr(before, part.name), getattr(after, part.name), waiting=waiting, tasks=tasks)
    elif isinstance(before, tuple) and isinstance(after, tuple) and len(before) == len(after) == tasks > 1:
        changed = [task for task in waiting if repr(before[task]) != repr(after[task])]
        expect(not changed, f"the state of tasks {changed} changes while they wait: {before} becomes {after}")
