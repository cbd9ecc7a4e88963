import pytest
import torch

from ray_mtlkd.strategies.balancers.base import Signals
from ray_mtlkd.strategies.balancers.gradnorm import GradNorm
from tests import papers

OPTIMIZERS = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}


def signals(losses, norms, *, tasks=None, distilling=frozenset()):
    return Signals(
        tasks=tuple(range(len(losses))) if tasks is None else tasks,
        losses=tuple(losses),
        regression=(False,) * len(losses),
        norms=tuple(norms),
        distilling=distilling,
    )


@pytest.mark.parametrize(
    ("optimizer", "lr", "alpha"), [("adam", 0.025, 1.5), ("adam", 0.01, 0.12), ("sgd", 0.02, 0.5), ("adam", 0.025, 0.0)]
)
def test_a_hundred_steps_of_a_network_equal_autograd_on_the_papers_loss(optimizer, lr, alpha):
    generator = torch.Generator().manual_seed(1)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    inputs, shared = normal(40, 6), (0.3 * normal(6, 4)).requires_grad_()
    heads = [normal(4) for _ in range(3)]
    labels = [scale * normal(40) for scale in (1.0, 3.0, 10.0)]
    reference = papers.GradNorm(3, alpha=alpha, lr=lr, optimizer=OPTIMIZERS[optimizer])
    balancer = GradNorm(alpha=alpha, lr=lr, optimizer=optimizer)
    state = balancer.init(3)
    for _ in range(100):
        hidden = torch.tanh(inputs @ shared)
        losses = [((hidden @ head - label) ** 2).mean() for head, label in zip(heads, labels, strict=True)]
        gradients = [torch.autograd.grad(loss, shared, retain_graph=True)[0] for loss in losses]
        weights, state = balancer.weigh(
            signals([loss.item() for loss in losses], [gradient.norm().item() for gradient in gradients]), state
        )
        # float64 rounding only.
        assert weights.shared == pytest.approx(reference.present(), rel=1e-9)
        reference.step(losses, (shared,))
        update = sum(weight * gradient for weight, gradient in zip(weights.shared, gradients, strict=True))
        with torch.no_grad():
            shared -= 0.02 * update
    assert max(weights.shared) - min(weights.shared) > 0.1  # the weights have moved: there was something to compare


def test_alpha_zero_evens_out_the_norms():
    balancer = GradNorm(alpha=0.0, lr=0.01)
    state = balancer.init(2)
    for _ in range(500):
        weights, state = balancer.weigh(signals([1.0, 1.0], [1.0, 3.0]), state)
    assert weights.shared[0] * 1.0 == pytest.approx(weights.shared[1] * 3.0, rel=0.1)


def test_the_task_that_learns_more_slowly_gets_more_weight():
    balancer = GradNorm()
    state = balancer.init(2)
    for step in range(50):
        weights, state = balancer.weigh(signals([1.0, 0.9**step], [1.0, 1.0]), state)
    assert weights.shared[0] > weights.shared[1] + 0.4


def test_the_weights_of_the_active_tasks_sum_to_their_number():
    balancer = GradNorm(lr=0.2)
    state = balancer.init(4)
    for tasks in [(0, 1, 2, 3), (1, 3), (0, 1, 2), (2,), (0, 1, 2, 3)]:
        norms = [1.0 + 3 * task for task in tasks]
        weights, state = balancer.weigh(signals([1.0] * len(tasks), norms, tasks=tasks), state)
        assert sum(weights.shared) == pytest.approx(len(tasks))
        assert sum(state.weights) == pytest.approx(4)


def test_a_task_without_a_batch_keeps_its_share_of_all_weights():
    balancer = GradNorm(lr=0.2)
    _, state = balancer.weigh(signals([1.0, 1.0, 1.0], [1.0, 2.0, 9.0]), balancer.init(3))
    before = state.weights
    for _ in range(5):
        _, state = balancer.weigh(signals([1.0, 1.0], [1.0, 5.0], tasks=(0, 1)), state)
    assert state.weights[2] == before[2]
    assert state.weights[0] + state.weights[1] == pytest.approx(before[0] + before[1])
    assert state.weights[0] > before[0]


def test_a_task_alone_weighs_one_and_later_finds_its_share_unchanged():
    balancer = GradNorm(lr=0.2)
    _, state = balancer.weigh(signals([1.0, 1.0], [1.0, 9.0]), balancer.init(2))
    before = state.weights
    weights, state = balancer.weigh(signals([1.0], [7.0], tasks=(1,)), state)
    assert weights.shared == (1.0,)
    assert state.weights == pytest.approx(before)


def test_the_first_loss_is_the_one_of_the_tasks_own_first_step():
    balancer = GradNorm()
    _, state = balancer.weigh(signals([5.0], [1.0], tasks=(0,)), balancer.init(2))
    assert state.initial == (5.0, None)
    _, state = balancer.weigh(signals([4.0, 3.0], [1.0, 1.0]), state)
    assert state.initial == (5.0, 3.0)


def test_a_loss_of_zero_is_no_first_loss():
    balancer = GradNorm()
    _, state = balancer.weigh(signals([1.0, 0.0], [1.0, 0.0]), balancer.init(2))
    assert state.initial == (1.0, None)
    _, state = balancer.weigh(signals([1.0, 0.25], [1.0, 0.0]), state)
    assert state.initial == (1.0, 0.25)


def test_a_task_that_distils_keeps_its_share_while_the_others_go_on_as_if_they_were_alone():
    balancer = GradNorm(lr=0.1)
    _, state = balancer.weigh(signals([1.0, 2.0, 3.0], [1.0, 2.0, 9.0]), balancer.init(3))
    with_it = without = state
    for step in range(50):
        near, far = [0.9**step, 1.0], [1.0, 2.0]
        _, with_it = balancer.weigh(signals([*near, 0.5**step], [*far, 0.5**step], distilling=frozenset({2})), with_it)
        _, without = balancer.weigh(signals(near, far, tasks=(0, 1)), without)
    assert with_it.weights[2] == state.weights[2]
    # the same but for the unit in which Adam's steps have a fixed size: three tasks sum to 3, two to 2
    assert with_it.weights == pytest.approx(without.weights, abs=0.05)
    assert (with_it.initial, with_it.moments[2]) == (state.initial, state.moments[2])


def test_where_all_tasks_distil_nothing_moves():
    balancer = GradNorm()
    _, state = balancer.weigh(signals([1.0, 2.0], [1.0, 9.0]), balancer.init(2))
    weights, after = balancer.weigh(signals([0.0, 5.0], [0.0, 7.0], distilling=frozenset({0, 1})), state)
    assert (after, weights.shared) == (state, pytest.approx(state.weights))


def test_only_rates_count_and_not_the_scale_of_a_loss():
    balancer = GradNorm()
    plain, scaled = balancer.init(2), balancer.init(2)
    for step in range(20):
        weights, plain = balancer.weigh(signals([1.0, 0.9**step], [1.0, 2.0]), plain)
        same, scaled = balancer.weigh(signals([1.0, 1024 * 0.9**step], [1.0, 2.0]), scaled)
        assert weights == same


def test_every_field_out_of_range_is_named():
    with pytest.raises(ValueError, match=r"(?s)alpha\n.*lr\n"):
        GradNorm(alpha=-0.5, lr=0.0)
