"""Gradients a part of the parameters at a time: what they take, and that chance does not tell them from a matrix."""

from dataclasses import replace

import pytest
import torch

from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.training.settings import Optimization
from ray_mtlkd.training.step.streamed_weighing import StreamedWeighing
from ray_mtlkd.training.step.trainer import Trainer
from tests.listening import step


@pytest.fixture
def trainer(job, tables):
    """Makes one whose model drops units, and whose gradients may take so much."""

    def make(strategy, *, parts, gradient_bytes):
        settings = Optimization(steps=40, batch_size=16, eval_every=5, accumulation=parts)
        given = job(strategy, of=tables, training=settings)
        architecture = Architecture(encoder=Mlp(hidden=(32, 16), dropout=0.3))
        configuration = replace(given.configuration, architecture=architecture)
        return Trainer(replace(given, configuration=configuration, gradient_bytes=gradient_bytes))

    return make


@pytest.mark.parametrize(("strategy", "parts"), [("pcgrad", 1), ("pcgrad", 3), ("gradnorm", 3), ("sum", 3)])
def test_what_is_dropped_out_is_the_same_in_every_pass(trainer, strategy, parts):
    whole, streamed = (trainer(strategy, parts=parts, gradient_bytes=size) for size in (1e9, 2e4))
    for either in (whole, streamed):
        torch.manual_seed(1)
        reports = [step(either, 4) for _ in range(3)]
        either.seen = reports, torch.get_rng_state()
    (expected, generator), (found, after) = whole.seen, streamed.seen
    assert torch.equal(generator, after)
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(torch.tensor(one.losses), torch.tensor(other.losses))
        torch.testing.assert_close(torch.tensor(one.gram), torch.tensor(other.gram), rtol=1e-4, atol=1e-6)
    for one, other in zip(whole.model.parameters(), streamed.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_no_more_gradients_are_there_at_a_time_than_may_be(trainer):
    most = 12_000
    weighing = trainer("pcgrad", parts=1, gradient_bytes=most)._weighing
    assert isinstance(weighing, StreamedWeighing)
    shared = trainer("pcgrad", parts=1, gradient_bytes=1e9)._model.shared()
    parts = [part.numel() * part.itemsize for part in shared]
    assert sum(parts) * 5 > most > max(parts) * 5 - 1
    assert len(weighing._parts) > 1
    for part in weighing._parts:
        assert 5 * sum(p.numel() * p.itemsize for p in part) <= most
