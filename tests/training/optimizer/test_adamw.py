import pytest
import torch

from ray_mtlkd.training.optimizer.adamw import AdamW

SHAPES = ((3, 4), (4,), (2, 2))
STEPS = 6


def _parameters():
    generator = torch.Generator().manual_seed(1)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def _train(step_with, parameters, steps):
    """The second parameter has no gradient in odd steps, as the head of a task that takes no batch."""
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        for index, parameter in enumerate(parameters):
            gradient = torch.randn(parameter.shape, generator=generator)
            parameter.grad = None if index == 1 and step % 2 else gradient
        step_with(0.1 / (step + 1))
        assert all(parameter.grad is None for parameter in parameters)


def _torchs(parameters, weight_decay):
    optimizer = torch.optim.AdamW(parameters, weight_decay=weight_decay, fused=True)

    def step(lr):
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
        optimizer.zero_grad()

    return step


def _same(ours, theirs):
    return all(torch.equal(mine, other) for mine, other in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_it_gives_the_very_numbers_of_torch_s_own_class(weight_decay):
    ours, theirs = _parameters(), _parameters()
    _train(AdamW(ours, weight_decay=weight_decay).step, ours, range(STEPS))
    _train(_torchs(theirs, weight_decay), theirs, range(STEPS))
    assert _same(ours, theirs)


def test_it_goes_on_from_its_state_as_if_it_had_never_stopped():
    straight, resumed = _parameters(), _parameters()
    _train(AdamW(straight, weight_decay=0.1).step, straight, range(STEPS))
    first, second = (AdamW(resumed, weight_decay=0.1) for _ in range(2))
    _train(first.step, resumed, range(3))
    kept = first.tensors()
    second.load(kept)
    _train(second.step, resumed, range(3, STEPS))
    assert _same(straight, resumed)
    assert kept["steps"].tolist() == [3, 2, 3]  # a copy: the later steps did not reach it
