import random

import pytest
import torch

from ray_mtlkd.strategies.balancers.base import Signals
from ray_mtlkd.strategies.balancers.pcgrad import PCGrad

aggregation = pytest.importorskip("torchjd.aggregation")


def gradients(count, *, seed):
    """[count, 50] with many conflicts and norms that differ by orders of magnitude."""
    generator = torch.Generator().manual_seed(seed)
    scale = torch.logspace(-2, 2, count, dtype=torch.float64)[:, None]
    common = torch.randn(50, generator=generator, dtype=torch.float64)
    signs = torch.tensor([(-1.0) ** task for task in range(count)], dtype=torch.float64)[:, None]
    return scale * (torch.randn(count, 50, generator=generator, dtype=torch.float64) + signs * common)


def orders(count, seed):
    """The order in which each task meets the others, as the balancer draws it."""
    rng = random.Random(seed)  # noqa: S311 - reproducible
    drawn = []
    for i in range(count):
        order = [j for j in range(count) if j != i]
        rng.shuffle(order)
        drawn.append(order)
    return drawn


def textbook(jacobian, drawn):
    """Yu et al. 2020, Algorithm 1, on the gradients themselves."""
    total = torch.zeros_like(jacobian[0])
    for i, order in enumerate(drawn):
        projected = jacobian[i].clone()
        for j in order:
            inner = projected @ jacobian[j]
            if inner < 0:
                projected -= inner / jacobian[j].norm() ** 2 * jacobian[j]
        total += projected
    return total


def weigh(gram, *, seed=0):
    count = len(gram)
    signals = Signals(
        tasks=tuple(range(count)),
        losses=(1.0,) * count,
        regression=(False,) * count,
        gram=tuple(map(tuple, gram)),
        rng=random.Random(seed),  # noqa: S311 - reproducible
    )
    return PCGrad().weigh(signals, ())[0].shared


@pytest.mark.parametrize("count", range(2, 11))
@pytest.mark.parametrize("seed", range(5))
def test_weights_from_the_gramian_give_the_textbook_update(count, seed):
    jacobian = gradients(count, seed=seed)
    shared = weigh((jacobian @ jacobian.T).tolist(), seed=seed)
    update = torch.tensor(shared, dtype=torch.float64) @ jacobian
    expected = textbook(jacobian, orders(count, seed))
    assert max(shared) > 1.01  # something was projected
    assert (update - expected).norm() <= 1e-9 * expected.norm()


def test_with_two_tasks_where_order_is_nothing_the_weights_are_those_of_torchjd():
    for seed in range(20):
        jacobian = gradients(2, seed=seed)
        gram = jacobian @ jacobian.T
        assert weigh(gram.tolist()) == pytest.approx(aggregation.PCGradWeighting()(gram).tolist(), rel=1e-12)


@pytest.mark.parametrize("count", [3, 5, 8])
def test_with_the_same_orders_the_weights_are_those_of_torchjd(count, monkeypatch):
    jacobian = gradients(count, seed=7)
    gram = jacobian @ jacobian.T
    drawn = iter([torch.tensor([*order, i]) for i, order in enumerate(orders(count, 7))])
    monkeypatch.setattr(torch, "randperm", lambda _: next(drawn))
    assert weigh(gram.tolist(), seed=7) == pytest.approx(aggregation.PCGradWeighting()(gram).tolist(), rel=1e-9)


def test_tasks_in_agreement_are_summed():
    assert weigh([[1.0, 0.5, 0.0], [0.5, 2.0, 0.1], [0.0, 0.1, 3.0]]) == (1.0, 1.0, 1.0)


def test_conflicting_tasks_lose_their_shared_component():
    # g0 = (1, 0), g1 = (-1, 1): g0 becomes (.5, .5), g1 becomes (0, 1).
    assert weigh([[1.0, -1.0], [-1.0, 2.0]]) == (2.0, 1.5)


def test_a_vanished_gradient_conflicts_with_nobody():
    # Float32 rounding may leave a negative product with a gradient whose squared norm is 0.
    assert weigh([[0.0, -1e-30], [-1e-30, 1.0]]) == (1.0, 1.0)


def test_orders_are_fresh_for_every_task_and_step():
    jacobian = gradients(5, seed=1)
    gram = (jacobian @ jacobian.T).tolist()
    assert len({weigh(gram, seed=seed) for seed in range(10)}) > 5
