"""A step on an accelerator, of which the host reads numbers once; hash tables apart, whose distinct rows are counted.

The device is torch's ``meta``: it computes nothing, but as on a GPU a tensor of the host and one of the device do not
mix, and whoever asks it for a number, or for a size that depends on one, raises.
"""

import pytest
import torch

from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.training.settings import Optimization
from ray_mtlkd.training.state.soft_labels import SoftTable, SoftTarget
from ray_mtlkd.training.step.trainer import Trainer

ENCODERS = {
    "tables": Mlp(hidden=(8, 8)),
    "shared_tables": Mlp(hidden=(8, 8)),
}


@pytest.fixture
def asked(monkeypatch):
    """How often the host asked for numbers; the device answers with ones."""
    times, known = [], torch.Tensor.tolist

    def tolist(tensor):
        if tensor.device.type == "cpu":
            return known(tensor)
        times.append(tensor.shape)
        return known(torch.ones(tensor.shape))

    monkeypatch.setattr(torch.Tensor, "tolist", tolist)
    return times


@pytest.mark.parametrize("strategy", ["sum", "uncertainty", "gradnorm", "pcgrad"])
@pytest.mark.parametrize("fixture", ENCODERS)
def test_a_step_on_a_device_is_asked_for_numbers_once(request, job, asked, fixture, strategy):
    tables = as_tensors(request.getfixturevalue(fixture), "meta")
    training = Optimization(steps=10, eval_every=5, batch_size=16, clip_norm=1.0, ema=0.9)
    trainer = Trainer(job(strategy, of=tables, encoder=ENCODERS[fixture], training=training))
    asked.clear()
    every = range(len(tables.tasks))
    first = tables.tasks[0].train.labels
    table = SoftTable(values=torch.zeros(len(first), device="meta"), classes=None, outputs=1)
    soft = {0: SoftTarget(table=table, labels=0.5)}
    for taught in ({}, soft):
        trainer.step(every, soft=taught if tables.tasks[0].task.kind == "binary" else {}, share=0.5)
    assert len(asked) == 2
