import torch

from ray_mtlkd.models.sharing import HardSharing
from ray_mtlkd.models.sharing.cross_stitch import CrossStitch
from ray_mtlkd.training.optimizer.optimizer import Optimizer
from ray_mtlkd.training.settings import Optimization
from tests.models.conftest import NUMBERS


def test_identity_units_are_separate_networks(made):
    model, inputs = made(CrossStitch(own=1.0)), NUMBERS.inputs()
    for task in range(2):
        states = None
        for layer in model.networks[task]:
            states = layer(states, inputs, task)
        assert torch.equal(model(task, inputs), model.heads[task](states))


def test_networks_with_identity_units_have_no_gradient_of_other_tasks_and_train_as_alone(made, trained):
    values = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    targets = torch.stack([values[:, 0], values[:, 1].abs()], dim=1)
    model = made(CrossStitch(own=1.0))
    for unit in (*model.units, *model.last_units):
        unit.requires_grad_(requires_grad=False)
    for task in range(2):
        model.zero_grad()
        model(task, NUMBERS.inputs()).square().sum().backward()
        assert not any(p.grad.any() for p in model.networks[1 - task].parameters())
        assert all(p.grad.any() for p in model.networks[task].parameters())
    alone = [made(HardSharing(), (NUMBERS,), seed=7) for _ in range(2)]
    for task, each in enumerate(alone):
        each.encoder.layers.load_state_dict(model.networks[task].state_dict())
        each.heads[0].load_state_dict(model.heads[task].state_dict())
    trained(model, values, targets, steps=20)
    for task, each in enumerate(alone):
        trained(each, values, targets[:, [task]], steps=20)
        for module, other in ((each.encoder.layers, model.networks[task]), (each.heads[0], model.heads[task])):
            torch.testing.assert_close(module.state_dict(), other.state_dict())


def test_gradient_reaches_the_units(made, reached):
    """Those after the last layer belong to their task."""
    names = {name for name in reached(made(CrossStitch()), 0) if "units" in name}
    assert names == {"units.0.change", "last_units.0.change"}


def test_layers_are_mixed_as_equation_1_says(made):
    model, inputs = made(CrossStitch(own=0.7)), NUMBERS.inputs()
    share = torch.tensor([[0.7, 0.3], [0.3, 0.7]])
    said = [network[0](None, inputs, 0) for network in model.networks]
    mixed = [sum(a * x for a, x in zip(row, said, strict=True)) for row in share]
    said = [network[1](states, inputs, 0) for network, states in zip(model.networks, mixed, strict=True)]
    expected = model.heads[1](sum(a * x for a, x in zip(share[1], said, strict=True)))
    torch.testing.assert_close(model(1, inputs), expected)


def test_units_learn_at_their_own_rate_and_weight_decay_pulls_to_their_start(made):
    model = made(CrossStitch(rate=5.0))
    optimizer = Optimizer(model, Optimization(lr=1e-3, weight_decay=0.5))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    optimizer.step(0.5)
    rate = Optimization(lr=1e-3).rate(0.5)
    for name, p in model.named_parameters():
        factor = 5.0 if "unit" in name else 1.0
        # Adam's first step is its rate
        expected = before[name] * (1 - 0.5 * factor * rate) - factor * rate
        torch.testing.assert_close(p.detach(), expected)
