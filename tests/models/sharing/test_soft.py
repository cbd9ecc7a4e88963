import pytest
import torch

from ray_mtlkd.data.features import Layout
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.sharing import HardSharing
from ray_mtlkd.models.sharing.soft import SoftSharing
from ray_mtlkd.testing.examples import Example
from tests.models.conftest import NUMBERS, SMALL

THREE = (NUMBERS,) * 3


def descend(model, steps, lr):
    """Steps on the penalty alone, ever smaller."""
    optimizer = torch.optim.Adam(model.networks.parameters(), lr=lr)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        model.penalty().backward()
        optimizer.step()
        decay.step()


def rows(model):
    """The second layer's weights of each task."""
    return torch.stack([network.layers[1].layer.linear.weight.detach().flatten() for network in model.networks])


def test_with_strength_0_they_are_separate_models(made, trained):
    """Bit for bit: each trains as a model of its task alone that starts from the same parameters."""
    values = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    targets = torch.stack([values[:, 0], values[:, 1].abs()], dim=1)
    model = made(SoftSharing(strength=0.0))
    assert (model.penalty(), model.shared()) == (None, ())
    alone = [made(HardSharing(), (NUMBERS,), seed=7) for _ in range(2)]
    for task, each in enumerate(alone):
        each.encoder.load_state_dict(model.networks[task].state_dict())
        each.heads[0].load_state_dict(model.heads[task].state_dict())
    before = rows(model)
    trained(model, values, targets, steps=20)
    assert not torch.equal(rows(model), before)
    for task, each in enumerate(alone):
        trained(each, values, targets[:, [task]], steps=20)
        for module, other in ((each.encoder, model.networks[task]), (each.heads[0], model.heads[task])):
            assert all(map(torch.equal, module.state_dict().values(), other.state_dict().values()))


def test_a_large_strength_makes_the_networks_equal(made):
    model = made(SoftSharing(strength=1e3), THREE)
    before = rows(model).std(0).mean()
    descend(model, 200, 3e-2)
    assert rows(model).std(0).mean() < 1e-3 * before


def test_the_distance_is_that_to_the_mean(made):
    model = made(SoftSharing(strength=0.5))
    networks = [torch.cat([p.flatten() for p in network.parameters()]) for network in model.networks]
    # two points are half their distance from the mean
    torch.testing.assert_close(model.penalty(), 0.5 * (networks[0] - networks[1]).square().sum() / 4)


def test_the_trace_norm_is_the_sum_of_singular_values_and_its_gradient_their_directions(made):
    model = made(SoftSharing(norm="trace", strength=1.0), THREE)
    weights = [network.layers[1].layer.linear.weight for network in model.networks]
    stacked = rows(model)
    u, s, v = torch.linalg.svd(stacked, full_matrices=False)
    assert model.penalty() > s.sum()
    gradients = torch.autograd.grad(model.penalty(), weights)
    torch.testing.assert_close(torch.stack([each.flatten() for each in gradients]), u @ v, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("strength", "rank"), [(0.5, 3), (2.75, 2), (3.1, 1), (4.0, 0)])
def test_the_rank_falls_with_the_strength_of_the_trace_norm(made, strength, rank):
    """Beside half of the squared distance to where it began, which cuts that much off every singular value."""
    model = made(SoftSharing(norm="trace", strength=strength), THREE)
    weights, begun = [network.layers[1].layer.linear.weight for network in model.networks], rows(model)
    pull = model.penalty
    model.penalty = lambda: pull() + (torch.stack([w.flatten() for w in weights]) - begun).square().sum() / 2
    descend(model, 200, 5e-2)
    expected = (torch.linalg.svdvals(begun) - strength).clamp(min=0)
    assert (expected > 0).sum() == rank
    torch.testing.assert_close(torch.linalg.svdvals(rows(model)), expected, atol=2e-2, rtol=0)


def test_hash_tables_and_first_layers_of_other_columns_are_not_pulled(made):
    bags = made(SoftSharing(), (Example("binary", "Bag"),) * 2, encoder=BagOfNgrams(hidden=(4, 3)))
    assert sum(len(group[0].flatten()) for group in bags.counterparts()) == 4 + 4 * 3 + 3
    tasks = [(NUMBERS.task, Layout(form="Dense", width=1, columns=(name,))) for name in "ab"]
    others = build(Architecture(encoder=SMALL, sharing=SoftSharing()), tasks)
    first = {id(p) for network in others.networks for p in network.layers[0].parameters()}
    assert not first & {id(p) for group in others.counterparts() for p in group}


@pytest.mark.parametrize("norm", ["l2", "trace"])
def test_networks_that_are_equal_have_the_least_penalty(made, norm):
    model = made(SoftSharing(norm=norm, strength=1.0))
    before = model.penalty()
    with torch.no_grad():
        for one, other in zip(*(network.parameters() for network in model.networks), strict=True):
            one.copy_((one + other) / 2)
            other.copy_(one)
    assert model.penalty() < before
