import random

import pytest
import torch

from ray_mtlkd.strategies.balancers.base import Signals
from ray_mtlkd.strategies.balancers.pcgrad import PCGrad
from tests import papers


def gradients(count, *, seed):
    """[count, 50] with many conflicts and norms that differ by orders of magnitude."""
    generator = torch.Generator().manual_seed(seed)
    scale = torch.logspace(-2, 2, count, dtype=torch.float64)[:, None]
    common = torch.randn(50, generator=generator, dtype=torch.float64)
    signs = torch.tensor([(-1.0) ** task for task in range(count)], dtype=torch.float64)[:, None]
    return scale * (torch.randn(count, 50, generator=generator, dtype=torch.float64) + signs * common)


def seeded(seed):
    return random.Random(seed)


def orders(count, seed):
    """The order in which each task meets the others, as the balancer draws it."""
    rng = seeded(seed)
    drawn = []
    for i in range(count):
        order = [j for j in range(count) if j != i]
        rng.shuffle(order)
        drawn.append(order)
    return drawn


def torch_orders(count, seed):
    """The same as TorchJD draws it: a permutation of all tasks for each, from torch's global generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return [[j for j in torch.randperm(count).tolist() if j != i] for i in range(count)]


class Drawn(random.Random):
    """Shuffles into orders that were drawn elsewhere."""

    def __init__(self, orders):
        super().__init__()
        self._orders = iter(orders)

    def shuffle(self, order):
        order[:] = next(self._orders)


def weigh(gram, rng):
    count = len(gram)
    signals = Signals(
        tasks=tuple(range(count)),
        losses=(1.0,) * count,
        regression=(False,) * count,
        gram=tuple(map(tuple, gram)),
        rng=rng,
    )
    return PCGrad().weigh(signals, ())[0].shared


def update(jacobian, rng):
    shared = weigh((jacobian @ jacobian.T).tolist(), rng)
    assert max(shared) > 1.01  # something was projected
    return torch.tensor(shared, dtype=torch.float64) @ jacobian


@pytest.mark.parametrize("count", range(2, 11))
@pytest.mark.parametrize("seed", range(5))
def test_weights_from_the_gramian_give_the_textbook_update(count, seed):
    jacobian = gradients(count, seed=seed)
    expected = papers.pcgrad(jacobian, orders(count, seed))
    # The same sums in another order: float64 rounds to 1e-16, norms of up to 1e4 apart cost half of the digits.
    assert (update(jacobian, seeded(seed)) - expected).norm() <= 1e-9 * expected.norm()


@pytest.mark.parametrize("count", range(2, 11))
@pytest.mark.parametrize("seed", range(5))
def test_with_the_same_orders_the_update_is_that_of_torchjd_and_of_the_textbook(count, seed):
    aggregation = pytest.importorskip("torchjd.aggregation")
    jacobian = gradients(count, seed=seed)
    drawn = torch_orders(count, seed)
    found = update(jacobian, Drawn(drawn))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        of_torchjd = aggregation.PCGrad()(jacobian)
    # As above.
    assert (found - of_torchjd).norm() <= 1e-9 * of_torchjd.norm()
    assert (papers.pcgrad(jacobian, drawn) - of_torchjd).norm() <= 1e-9 * of_torchjd.norm()


def test_tasks_in_agreement_are_summed():
    assert weigh([[1.0, 0.5, 0.0], [0.5, 2.0, 0.1], [0.0, 0.1, 3.0]], seeded(0)) == (1.0, 1.0, 1.0)


def test_conflicting_tasks_lose_their_shared_component():
    # g0 = (1, 0), g1 = (-1, 1): g0 becomes (.5, .5), g1 becomes (0, 1).
    assert weigh([[1.0, -1.0], [-1.0, 2.0]], seeded(0)) == (2.0, 1.5)


def test_a_vanished_gradient_conflicts_with_nobody():
    # Float32 rounding may leave a negative product with a gradient whose squared norm is 0.
    assert weigh([[0.0, -1e-30], [-1e-30, 1.0]], seeded(0)) == (1.0, 1.0)


def test_orders_are_fresh_for_every_task_and_step():
    jacobian = gradients(5, seed=1)
    gram = (jacobian @ jacobian.T).tolist()
    assert len({weigh(gram, seeded(seed)) for seed in range(10)}) > 5
