"""Successive regularisation in a run: from evaluation to evaluation, through rewinds and checkpoints."""

from dataclasses import replace

import pytest
import torch

from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.models.sharing.serial import Serial
from ray_mtlkd.training.step.trainer import Trainer
from tests.listening import step


@pytest.fixture
def trainer(job, shared_tables):
    """Makes one of a series."""

    def make(strength):
        given = job("pcgrad", of=shared_tables)
        architecture = Architecture(encoder=Mlp(hidden=(6, 4), dropout=0.0), sharing=Serial(successive=strength))
        return Trainer(replace(given, configuration=replace(given.configuration, architecture=architecture)))

    return make


def _moved(trainer, *, evaluations):
    """How far what the first task uses, and the last one's layer and head, have moved between evaluations [E, 2]."""
    model, far = trainer._model, []
    parts = (model.used(0), model.own(3))
    for _ in range(evaluations):
        before = [[p.detach().clone() for p in part] for part in parts]
        for _ in range(10):
            step(trainer, 4)
        trainer.hear([None] * 4)
        pairs = [zip(part, then, strict=True) for part, then in zip(parts, before, strict=True)]
        far.append([sum((p - was).square().sum() for p, was in each).sqrt().item() for each in pairs])
    return torch.tensor(far)


def test_a_large_strength_holds_what_earlier_tasks_use_and_nothing_else(trainer):
    free, held = (_moved(trainer(strength), evaluations=8) for strength in (0.0, 1e4))
    assert torch.equal(free[0], held[0])  # before the first evaluation nothing is held
    assert (held[3:, 0] < 0.3 * free[3:, 0]).all()
    assert (held[3:, 1] > 0.5 * free[3:, 1]).all()
    first, then = _moved(trainer(1e4), evaluations=2)
    assert torch.equal(torch.stack([first, then]), held[:2])


def test_what_is_remembered_follows_from_where_a_run_goes_on(trainer):
    whole, resumed = trainer(0.1), trainer(0.1)
    _moved(whole, evaluations=2)
    resumed.restore(whole.capture((), into={}))
    resumed.hear([None] * 4)
    assert resumed._model.penalty() == whole._model.penalty() == 0
    assert torch.equal(_moved(whole, evaluations=2), _moved(resumed, evaluations=2))
    for one, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(one, other)
