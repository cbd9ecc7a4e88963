"""A balancer that breaks one promise is told which."""

import random
from dataclasses import replace
from typing import ClassVar

import pytest

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Weights
from ray_mtlkd.strategies.balancers.static import StaticWeights
from ray_mtlkd.testing import check_balancer, draw_signals


@document
class Counting:
    """Sound: a weight of 1, and how often each task has trained."""

    name: ClassVar[str] = "counting"
    needs: ClassVar[str] = "losses"

    def init(self, num_tasks) -> tuple[int, ...]:
        return (0,) * num_tasks

    def weigh(self, signals, state):
        ones = (1.0,) * len(signals.tasks)
        return Weights(shared=ones, heads=ones), tuple(n + (task in signals.tasks) for task, n in enumerate(state))


def broken(**methods):
    """The sound one with some of its members replaced."""
    return document(type("Broken", (Counting,), methods))()


def _weights(*, shared=None, heads=None):
    def weigh(self, signals, state):
        found, after = Counting.weigh(self, signals, state)
        parts = {"shared": shared, "heads": heads}
        return replace(found, **{name: make(signals) for name, make in parts.items() if make}), after

    return weigh


def _chance(self, signals, state):
    return Weights(shared=(random.random(),) * len(signals.tasks), heads=(1.0,) * len(signals.tasks)), state


def _calls(calls):
    def weigh(self, signals, state):
        calls.append(1)
        return Weights(shared=(float(len(calls)),) * len(signals.tasks), heads=(1.0,) * len(signals.tasks)), state

    return weigh


def _spoils(self, signals, state):
    state[0] += 1
    return Counting.weigh(self, signals, (0,))[0], state


def _counts_all(self, signals, state):
    return Counting.weigh(self, signals, state)[0], tuple(n + 1 for n in state)


def _lists(self, signals, state):
    return Counting.weigh(self, signals, state)[0], {"n": 1}


def _begins_by_chance(self, num_tasks) -> tuple[float, ...]:
    return (random.random(),)


def _begins_with_a_list(self, num_tasks) -> list[int]:
    return [0]


def _heeds_losses(self, signals, state):
    return Weights(shared=signals.losses, heads=signals.losses), Counting.weigh(self, signals, state)[1]


def _evens_out(self, signals, state):
    weights = tuple(1 / max(row[at], 1e-9) for at, row in enumerate(signals.gram))
    return Weights(shared=weights, heads=weights), Counting.weigh(self, signals, state)[1]


def _grows(self, signals, state):
    _, after = Counting.weigh(self, signals, state)
    weights = tuple(1.5 ** after[task] if task in signals.distilling else 1.0 for task in signals.tasks)
    return Weights(shared=weights, heads=weights), after


BROKEN = {
    "name": broken(name=""),
    "needs": broken(needs="loss"),
    "begins by chance": broken(init=_begins_by_chance),
    "too many": broken(weigh=_weights(shared=lambda signals: (1.0,) * (len(signals.tasks) + 1))),
    "nan": broken(weigh=_weights(heads=lambda signals: (float("nan"),) * len(signals.tasks))),
    "integers": broken(weigh=_weights(shared=lambda signals: (1,) * len(signals.tasks))),
    "chance": broken(weigh=_chance),
    "counts calls": broken(weigh=_calls([])),
    "spoils": broken(init=_begins_with_a_list, weigh=_spoils),
    "list": broken(weigh=_lists),
    "counts all": broken(weigh=_counts_all),
    "heeds losses": broken(weigh=_heeds_losses),
    "grows": broken(weigh=_grows),
    "vanishing": broken(needs="gram", weigh=_evens_out),
}


def test_a_sound_one_passes():
    check_balancer(Counting())


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_promise_is_told(how, refused):
    with refused(AssertionError):
        check_balancer(BROKEN[how])


def test_what_is_no_configuration_is_told(refused):
    class Thawed:
        name = "thawed"

    with refused(AssertionError):
        check_balancer(Thawed())


def test_one_for_another_number_of_tasks_says_so(refused):
    with refused():
        check_balancer(StaticWeights(weights=(1.0, 2.0)), tasks=3)


def test_drawn_signals_have_odd_numbers_and_conflicts_among_them():
    draws = random.Random(0)
    drawn = [draw_signals(draws, 4) for _ in range(200)]
    assert {len(signals.tasks) for signals in drawn} == {1, 2, 3, 4}
    assert any(0.0 in signals.losses for signals in drawn)
    assert any(min(min(row) for row in signals.gram) < 0 for signals in drawn)
    assert any(signals.distilling for signals in drawn)
