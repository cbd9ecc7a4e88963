"""This package's balancers keep what every balancer promises, and what each of them promises beside that."""

import itertools
import random
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from ray_mtlkd.strategies import BALANCERS, FAMILIES
from ray_mtlkd.strategies.balancers.cagrad import CAGrad
from ray_mtlkd.strategies.balancers.dwa import DWA
from ray_mtlkd.strategies.balancers.fairgrad import FairGrad
from ray_mtlkd.strategies.balancers.famo import FAMO
from ray_mtlkd.strategies.balancers.gradnorm import GradNorm
from ray_mtlkd.strategies.balancers.gradvac import GradVac
from ray_mtlkd.strategies.balancers.imtl_l import IMTLL
from ray_mtlkd.strategies.balancers.normalised import Normalised
from ray_mtlkd.strategies.balancers.smooth import Smooth
from ray_mtlkd.strategies.balancers.static import StaticWeights
from ray_mtlkd.strategies.balancers.torchjd import TorchJD
from ray_mtlkd.strategies.balancers.uncertainty import Uncertainty
from ray_mtlkd.testing import check_balancer, draw_signals
from tests.gramians import jacobian, step, weights

SPECIAL = {
    "static": lambda count: StaticWeights(weights=tuple(0.5 + task for task in range(count))),
    "uncertainty": lambda _: Uncertainty(lr=0.5),
    "imtl_l": lambda _: IMTLL(lr=0.5),
    "famo": lambda _: FAMO(lr=0.5),
    "dwa": lambda _: DWA(interval=2),
    "gradnorm": lambda _: GradNorm(lr=0.3),
    "gradnorm by sgd": lambda _: GradNorm(lr=1.0, optimizer="sgd", alpha=0.0),
    "cagrad far": lambda _: CAGrad(c=0.99),
    "fairgrad by half": lambda _: FairGrad(alpha=0.5),
    "fairgrad by five": lambda _: FairGrad(alpha=5.0),
    "gradvac at once": lambda _: GradVac(beta=1.0),
    "normalised:mgda": lambda _: Normalised(method="mgda"),
    "smooth:upgrad": lambda _: Smooth(method="upgrad"),
    "smooth:gradvac": lambda _: Smooth(method="gradvac", decay=0.5, options={"beta": 0.1}),
    "torchjd:MGDA": lambda _: TorchJD(method="MGDA", options={"max_iters": 5}),
    "torchjd:AlignedMTL": lambda _: TorchJD(method="AlignedMTL"),
    "torchjd:IMTLG": lambda _: TorchJD(method="IMTLG"),
    "torchjd:PCGrad": lambda _: TorchJD(method="PCGrad"),
}
if find_spec("quadprog") and find_spec("qpsolvers"):
    SPECIAL["torchjd:UPGrad"] = lambda _: TorchJD(method="UPGrad")
ALL = {name: lambda _, made=made: made() for name, made in BALANCERS.items() if name not in {"static", *FAMILIES}}
ALL |= SPECIAL

OWN = {name: make for name, make in ALL.items() if not name.startswith("torchjd:")}
ON_GRADIENTS = [name for name in OWN if OWN[name](2).needs == "gram"]
PLAIN_WEIGHTING = [name for name in OWN if OWN[name](2).needs != "gram"]
ROUNDING = 1e-5
"""Of the gradients' lengths: Gramians are of float32 numbers, and what lies below 1e-6 is treated as nothing."""


def promising(guarantee):
    """Names of the balancers that give it."""
    return [name for name in OWN if guarantee in OWN[name](2).facts.guarantees]


def drawn_steps(balancer, count, *, seed):
    """Signals, and what a balancer makes of them."""
    draws, state = random.Random(seed), balancer.init(count)
    for _ in range(4):
        signals = draw_signals(draws, count)
        found, state = balancer.weigh(signals, state)
        yield signals, found


def direction(found, gradients):
    """Of the weighted sum, of length 1; 0 where the gradients cancel up to rounding."""
    update = np.array(found.shared) @ gradients
    size, most = np.linalg.norm(update), np.abs(found.shared) @ np.linalg.norm(gradients, axis=1)
    return update / size if size > 1e-3 * most else np.zeros(len(update))


class InAnotherOrder(random.Random):
    """Gives tasks that stand in another order the draws that they have had in theirs.

    Args:
        order: Where each of the tasks stood.
        seed: Of the generator that drew for them.
    """

    def __init__(self, order, *, seed):
        super().__init__()
        self._order, drawn = list(map(int, order)), random.Random(seed)
        self._shuffled = []
        for task in range(len(order)):
            self._shuffled.append([other for other in range(len(order)) if other != task])
            drawn.shuffle(self._shuffled[-1])
        drawn = random.Random(seed)
        self._normal = [drawn.gauss(0.0, 1.0) for _ in order]
        self._next = itertools.cycle(self._order)

    def shuffle(self, others):
        others[:] = [self._order.index(other) for other in self._shuffled[next(self._next)]]

    def gauss(self, mu=0.0, sigma=1.0):
        return mu + sigma * self._normal[next(self._next)]


def test_every_balancer_is_held_to_the_contract():
    assert {name.partition(":")[0].partition(" ")[0] for name in ALL} == set(BALANCERS)


@pytest.mark.parametrize("name", ALL)
def test_the_name_in_the_list_is_the_name_of_the_balancer(name):
    assert ALL[name](2).name == name.partition(" ")[0]


@pytest.mark.parametrize("count", [1, 2, 6])
@pytest.mark.parametrize("name", ALL)
def test_every_balancer_keeps_its_promises(name, count):
    check_balancer(ALL[name](count), tasks=count, runs=8)


@pytest.mark.parametrize("name", promising("no negative weight"))
def test_no_weight_is_negative(name):
    for seed in range(8):
        for _, found in drawn_steps(OWN[name](4), 4, seed=seed):
            assert min(found.shared) >= 0


@pytest.mark.parametrize("name", promising("no conflict"))
def test_no_task_s_gradient_is_opposed(name):
    for seed in range(20):
        for signals, found in drawn_steps(OWN[name](4), 4, seed=seed):
            gram, shared = np.array(signals.gram), np.array(found.shared)
            lengths = np.sqrt(np.diag(gram))
            assert (gram @ shared >= -ROUNDING * lengths * (lengths @ shared)).all()


@pytest.mark.parametrize("name", promising("scale-free"))
def test_the_unit_of_a_task_s_loss_changes_nothing_of_the_direction(name):
    told = 0
    for seed, count in itertools.product(range(40), (2, 3, 5, 8)):
        rng = np.random.default_rng(seed)
        width, pull = rng.integers(1, 10), rng.choice((-1.0, 0.0, 1.0, 3.0))
        gradients = jacobian(count, seed=seed, width=width) + pull * rng.standard_normal(width)
        units, losses = 10.0 ** rng.uniform(-2, 2, (count, 1)), rng.uniform(0.1, 2, count)
        balancer, found = OWN[name](count), []
        for own, lost in ((gradients, losses), (units * gradients, units[:, 0] * losses)):
            weighed, _ = balancer.weigh(step(own @ own.T, losses=lost), balancer.init(count))
            found.append(direction(weighed, own))
        # Where all cancels in one unit, rounding may leave something of it in another.
        if found[0].any() and found[1].any():
            told += 1
            assert np.allclose(*found, atol=1e-4)
        # However long the cancelling gradients are, little is left of them.
        assert found[0].any() == found[1].any() or width < count
    assert told > 100


@pytest.mark.parametrize("name", ON_GRADIENTS)
def test_a_gramian_that_rounding_has_left_indefinite_is_weighed(name):
    rng = np.random.default_rng(0)
    for _ in range(20):
        gradients = jacobian(6, seed=rng.integers(100), width=2)
        lengths = np.linalg.norm(gradients, axis=1)
        error = 1e-5 * rng.uniform(-1, 1, (6, 6)) * lengths * lengths[:, None]
        balancer = OWN[name](6)
        found, _ = balancer.weigh(step(gradients @ gradients.T + error + error.T), balancer.init(6))
        assert np.isfinite(found.shared).all()


@pytest.mark.parametrize("name", ON_GRADIENTS)
def test_the_order_of_the_tasks_changes_nothing_of_the_update(name):
    for seed in range(5):
        gradients, order = jacobian(5, seed=seed), np.random.default_rng(seed).permutation(5)
        assert order.tolist() != list(range(5))
        plain = step(gradients @ gradients.T, seed=seed)
        moved = replace(step(gradients[order] @ gradients[order].T), rng=InAnotherOrder(order, seed=seed))
        one, other = (OWN[name](5).weigh(each, OWN[name](5).init(5))[0].shared for each in (plain, moved))
        update = one @ gradients
        assert np.allclose(other @ gradients[order], update, atol=1e-5 * np.linalg.norm(update))


@pytest.mark.parametrize("name", [name for name in PLAIN_WEIGHTING if name != "static"])
def test_the_order_of_the_tasks_is_the_order_of_the_weights(name):
    rng = np.random.default_rng(0)
    order, balancer = [2, 0, 3, 1], OWN[name](4)
    plain, permuted = balancer.init(4), balancer.init(4)
    for seed in range(5):
        losses, gradients = rng.uniform(0.1, 2, 4), jacobian(4, seed=0) * rng.uniform(0.5, 2)
        gram = gradients @ gradients.T
        one, plain = balancer.weigh(step(gram, losses=losses, seed=seed), plain)
        moved = replace(step(gram[np.ix_(order, order)], losses=losses[order]), rng=InAnotherOrder(order, seed=seed))
        other, permuted = balancer.weigh(moved, permuted)
        assert np.allclose(other.shared, np.array(one.shared)[order], rtol=1e-12)


@pytest.mark.parametrize("size", [1e-12, 1e12])
@pytest.mark.parametrize("name", ON_GRADIENTS)
def test_the_size_of_all_gradients_together_changes_no_weight(name, size):
    for seed in range(3):
        gradients = jacobian(4, seed=seed)
        assert np.allclose(weights(OWN[name](4), size * gradients), weights(OWN[name](4), gradients), rtol=1e-4)


@pytest.mark.parametrize("name", ON_GRADIENTS)
def test_a_task_alone_trains_as_by_its_own_loss(name):
    assert np.allclose(weights(OWN[name](1), jacobian(1, seed=0)), 1.0)


@pytest.mark.parametrize("name", [name for name in ALL if name != "db_mtl"])
def test_heads_share_the_weight_of_a_weighted_loss_and_keep_their_gradient_otherwise(name):
    for _, found in drawn_steps(ALL[name](4), 4, seed=0):
        assert found.heads == (found.shared if name in PLAIN_WEIGHTING else (1.0,) * len(found.shared))


def test_where_losses_are_read_as_logarithms_heads_are_weighed_by_their_inverse():
    balancer = BALANCERS["db_mtl"]()
    found, _ = balancer.weigh(step(np.eye(2), losses=(0.5, 2.0)), balancer.init(2))
    assert found.heads == (2.0, 0.5)
