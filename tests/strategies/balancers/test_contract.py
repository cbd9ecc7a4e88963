"""What every balancer promises, whichever tasks are active and however odd the numbers."""

import copy
import json
import math
import random
from dataclasses import replace
from importlib.util import find_spec

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_mtlkd.strategies import BALANCERS, dump_state, load_state
from ray_mtlkd.strategies.balancers.base import Signals
from ray_mtlkd.strategies.balancers.gradnorm import GradNorm
from ray_mtlkd.strategies.balancers.pcgrad import PCGrad
from ray_mtlkd.strategies.balancers.static import StaticWeights
from ray_mtlkd.strategies.balancers.sum_ import Sum
from ray_mtlkd.strategies.balancers.torchjd import TorchJD
from ray_mtlkd.strategies.balancers.uncertainty import Uncertainty

NEVER_NEGATIVE = {
    "sum": lambda _: Sum(),
    "static": lambda count: StaticWeights(weights=tuple(0.5 + task for task in range(count))),
    "uncertainty": lambda _: Uncertainty(lr=0.5),
    "gradnorm": lambda _: GradNorm(lr=0.3),
    "gradnorm by sgd": lambda _: GradNorm(lr=1.0, optimizer="sgd", alpha=0.0),
    "pcgrad": lambda _: PCGrad(),
    "torchjd:MGDA": lambda _: TorchJD(method="MGDA", options={"max_iters": 5}),
}
ALL = NEVER_NEGATIVE | {
    "torchjd:AlignedMTL": lambda _: TorchJD(method="AlignedMTL"),
    "torchjd:IMTLG": lambda _: TorchJD(method="IMTLG"),
    "torchjd:PCGrad": lambda _: TorchJD(method="PCGrad"),
}
if find_spec("quadprog") and find_spec("qpsolvers"):
    ALL["torchjd:UPGrad"] = lambda _: TorchJD(method="UPGrad")

PLAIN_WEIGHTING = ("sum", "static", "uncertainty", "gradnorm", "gradnorm by sgd")

sizes = st.one_of(st.just(0.0), st.floats(1e-6, 1e4))
entries = st.one_of(st.just(0.0), st.floats(1e-3, 1e2), st.floats(-1e2, -1e-3))


@st.composite
def signals(draw, count):
    tasks = tuple(sorted(draw(st.sets(st.integers(0, count - 1), min_size=1))))
    each = {"min_size": len(tasks), "max_size": len(tasks)}
    jacobian = draw(st.lists(st.lists(entries, min_size=3, max_size=3), **each))
    return Signals(
        tasks=tasks,
        losses=tuple(draw(st.lists(sizes, **each))),
        regression=tuple(draw(st.lists(st.booleans(), **each))),
        switched=draw(st.frozensets(st.integers(0, count - 1))),
        norms=tuple(draw(st.lists(sizes, **each))),
        gram=tuple(tuple(sum(a * b for a, b in zip(x, y, strict=True)) for y in jacobian) for x in jacobian),
        rng=random.Random(draw(st.integers(0, 99))),  # noqa: S311 - reproducible
    )


@st.composite
def runs(draw):
    count = draw(st.integers(1, 6))
    return count, draw(st.lists(signals(count), min_size=1, max_size=4))


def with_own_rng(signal):
    return replace(signal, rng=copy.deepcopy(signal.rng))


def weigh_all(balancer, count, steps):
    state = balancer.init(count)
    for signal in steps:
        weights, state = balancer.weigh(with_own_rng(signal), state)
        yield signal, weights, state


def test_every_balancer_in_the_list_is_held_to_the_contract():
    assert {name.partition(":")[0].partition(" ")[0] for name in ALL} == set(BALANCERS)


@pytest.mark.parametrize("name", ALL)
def test_the_name_in_the_list_is_the_name_of_the_balancer(name):
    assert ALL[name](2).name == name.partition(" ")[0]


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=20, deadline=None)
@given(run=runs())
def test_there_is_a_finite_weight_for_every_active_task(name, run):
    count, steps = run
    for signal, weights, _ in weigh_all(ALL[name](count), count, steps):
        assert len(weights.shared) == len(weights.heads) == len(signal.tasks)
        assert all(isinstance(weight, float) and math.isfinite(weight) for weight in weights.shared + weights.heads)


@pytest.mark.parametrize("name", NEVER_NEGATIVE)
@settings(max_examples=20, deadline=None)
@given(run=runs())
def test_no_weight_is_negative(name, run):
    count, steps = run
    for _, weights, _ in weigh_all(NEVER_NEGATIVE[name](count), count, steps):
        assert min(weights.shared) >= 0


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=20, deadline=None)
@given(run=runs())
def test_heads_share_the_weight_of_a_weighted_loss_and_keep_their_gradient_otherwise(name, run):
    count, steps = run
    for _, weights, _ in weigh_all(ALL[name](count), count, steps):
        expected = weights.shared if name in PLAIN_WEIGHTING else (1.0,) * len(weights.shared)
        assert weights.heads == expected


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=20, deadline=None)
@given(run=runs())
def test_the_same_call_gives_the_same_answer_and_changes_no_argument(name, run):
    count, steps = run
    balancer = ALL[name](count)
    state = balancer.init(count)
    for signal in steps:
        said = repr((dump_state(state), replace(signal, rng=None)))
        first = balancer.weigh(with_own_rng(signal), state)
        torch.rand(1)  # moves the global generator, on which nothing may depend
        second = ALL[name](count).weigh(with_own_rng(signal), state)
        assert repr(first) == repr(second)
        assert repr((dump_state(state), replace(signal, rng=None))) == said
        state = first[1]


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=20, deadline=None)
@given(run=runs())
def test_a_state_goes_through_json_bit_for_bit(name, run):
    count, steps = run
    balancer = ALL[name](count)
    for _, _, state in weigh_all(balancer, count, steps):
        restored = load_state(balancer.init(count), json.loads(json.dumps(dump_state(state))))
        assert repr(restored) == repr(state)
        assert type(restored) is type(state)


@pytest.mark.parametrize("name", ALL)
def test_the_global_generator_of_torch_stays_where_it_was(name):
    before = torch.get_rng_state()
    balancer = ALL[name](2)
    signal = Signals(
        tasks=(0, 1), losses=(1.0, 2.0), regression=(False, True), norms=(1.0, 3.0), gram=((1.0, -1.0), (-1.0, 4.0))
    )
    balancer.weigh(signal, balancer.init(2))
    assert torch.equal(torch.get_rng_state(), before)
