"""This package's balancers keep what every balancer promises, and what some of them do beside that."""

import random
from importlib.util import find_spec

import pytest

from ray_mtlkd.strategies import BALANCERS
from ray_mtlkd.strategies.balancers.gradnorm import GradNorm
from ray_mtlkd.strategies.balancers.pcgrad import PCGrad
from ray_mtlkd.strategies.balancers.static import StaticWeights
from ray_mtlkd.strategies.balancers.sum_ import Sum
from ray_mtlkd.strategies.balancers.torchjd import TorchJD
from ray_mtlkd.strategies.balancers.uncertainty import Uncertainty
from ray_mtlkd.testing import check_balancer, draw_signals

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


def weights_of(balancer, count, *, seed):
    """What a balancer makes of some steps."""
    draws, state = random.Random(seed), balancer.init(count)
    for _ in range(4):
        weights, state = balancer.weigh(draw_signals(draws, count), state)
        yield weights


def test_every_balancer_in_the_list_is_held_to_the_contract():
    assert {name.partition(":")[0].partition(" ")[0] for name in ALL} == set(BALANCERS)


@pytest.mark.parametrize("name", ALL)
def test_the_name_in_the_list_is_the_name_of_the_balancer(name):
    assert ALL[name](2).name == name.partition(" ")[0]


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("name", ALL)
def test_every_balancer_keeps_its_promises(name, count):
    check_balancer(ALL[name](count), tasks=count)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("name", NEVER_NEGATIVE)
def test_no_weight_is_negative(name, seed):
    for weights in weights_of(NEVER_NEGATIVE[name](4), 4, seed=seed):
        assert min(weights.shared) >= 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ALL)
def test_heads_share_the_weight_of_a_weighted_loss_and_keep_their_gradient_otherwise(name, seed):
    for weights in weights_of(ALL[name](4), 4, seed=seed):
        expected = weights.shared if name in PLAIN_WEIGHTING else (1.0,) * len(weights.shared)
        assert weights.heads == expected
