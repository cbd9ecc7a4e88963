import pytest
import torch

from ray_mtlkd.training.fused_adamw import FusedAdamW

SHAPES = ((3, 4), (4,), (2, 2))
STEPS = 6


def _parameters():
    generator = torch.Generator().manual_seed(1)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def _train(optimizer, parameters, steps):
    """The second parameter has no gradient in odd steps, as the head of a task that takes no batch."""
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        for index, parameter in enumerate(parameters):
            gradient = torch.randn(parameter.shape, generator=generator)
            parameter.grad = None if index == 1 and step % 2 else gradient
        optimizer.param_groups[0]["lr"] = 0.1 / (step + 1)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_it_gives_the_very_numbers_of_torch_s_own_class(weight_decay):
    ours, theirs = _parameters(), _parameters()
    _train(FusedAdamW(ours, lr=0.1, weight_decay=weight_decay), ours, range(STEPS))
    reference = torch.optim.AdamW(theirs, lr=0.1, weight_decay=weight_decay, fused=True)
    _train(reference, theirs, range(STEPS))
    assert all(torch.equal(mine, other) for mine, other in zip(ours, theirs, strict=True))


def test_it_goes_on_from_the_state_of_torch_s_own_class():
    ours, theirs = _parameters(), _parameters()
    first, reference = FusedAdamW(ours, lr=0.1, weight_decay=0.1), torch.optim.AdamW(theirs, fused=True)
    reference.param_groups[0]["weight_decay"] = 0.1
    _train(first, ours, range(STEPS))
    _train(reference, theirs, range(2))
    second = FusedAdamW(theirs, lr=0.1, weight_decay=0.1)
    second.load_state_dict({"state": reference.state_dict()["state"], "param_groups": second.param_groups})
    _train(second, theirs, range(2, STEPS))
    assert all(torch.equal(mine, other) for mine, other in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("set_to_none", [False, True])
def test_gradients_are_dropped_or_zero(set_to_none):
    (parameter, _, without) = parameters = _parameters()
    parameter.grad = torch.ones_like(parameter)
    FusedAdamW(parameters, lr=0.1, weight_decay=0.0).zero_grad(set_to_none=set_to_none)
    assert without.grad is None
    assert (parameter.grad is None) == set_to_none
    assert set_to_none or not parameter.grad.any()
