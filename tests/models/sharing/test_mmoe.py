from statistics import median

import torch

from ray_mtlkd.data.inputs import Dense
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.models.sharing import HardSharing
from ray_mtlkd.models.sharing.mmoe import MixtureOfExperts
from tests.models.conftest import NUMBERS


def test_one_expert_is_hard_sharing(made):
    one, hard = made(MixtureOfExperts(experts=1)), made(HardSharing())
    for task in range(2):
        assert torch.equal(one(task, NUMBERS.inputs()), hard(task, NUMBERS.inputs()))


def test_outputs_are_those_of_equations_6_to_8(made):
    model, inputs = made(MixtureOfExperts(experts=2)).eval(), NUMBERS.inputs()
    said = [expert(inputs, [1])[0] for expert in model.experts]
    shares = (torch.cat(said, dim=1) @ model.gates[1].linear.weight.T).softmax(1)
    mixed = sum(share.unsqueeze(1) * each for share, each in zip(shares.T, said, strict=True))
    torch.testing.assert_close(model(1, inputs), model.heads[1](mixed))


def _gates_apart(made, trained, *, columns, seed):
    """How far the shares of two tasks are apart, whose targets are the sizes of numbers in the given columns."""
    values = torch.randn(256, 4, generator=torch.Generator().manual_seed(seed))
    targets = torch.stack([values[:, column].abs() - 1 for column in columns], dim=1)
    encoder = Mlp(hidden=(2,), bins=0, embedding=1)
    model = trained(made(MixtureOfExperts(experts=2), encoder=encoder, seed=seed), values, targets, steps=300)
    inputs = Dense(values, torch.zeros(256, 2, dtype=torch.int64))
    said = model.encode(inputs, [0, 1])
    one, other = (gate.shares(each) for gate, each in zip(model.gates, said, strict=True))
    return (one - other)[:, 0].abs().mean().item()


def test_gates_of_tasks_that_conflict_read_other_experts_and_those_of_tasks_that_agree_mostly_the_same(made, trained):
    """An expert has two units, and each task needs two, for itself where they conflict."""
    conflicting, agreeing = (
        [_gates_apart(made, trained, columns=columns, seed=seed) for seed in range(8)] for columns in ((0, 1), (0, 0))
    )
    assert min(conflicting) > 0.3
    # nothing keeps tasks that agree from reading experts apart that have learned the same
    assert median(agreeing) < 0.1


def test_a_task_s_gate_is_its_own(made, reached):
    model = made(MixtureOfExperts())
    assert not [name for name in reached(model, 0) if name.startswith(("gates.1", "heads.1"))]
