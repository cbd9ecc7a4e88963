"""What a step does with a hash table as a whole: nothing."""

from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.training.settings import Optimization
from ray_mtlkd.training.step.trainer import Trainer
from tests.listening import step

BUCKETS = 30_000
"""More than any other tensor of these steps has numbers."""

ENCODERS = {
    "Bag": BagOfNgrams(hidden=(4, 3)),
    "Tokens": Cnn(embedding=4, channels=4, widths=(1, 3), wide=4),
}
BY_ROW = {"_embedding_bag_forward_only", "index_copy_"}
WITHOUT_COPY = {"detach", "view", "alias", "_sparse_coo_tensor_with_dims_and_tensors"}


class Large(TorchDispatchMode):
    """The names of the operations that take or give a tensor as large as a table."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        given = func(*args, **(kwargs or {}))
        for leaf in tree_leaves((args, kwargs, given)):
            if isinstance(leaf, torch.Tensor) and (leaf._values() if leaf.is_sparse else leaf).numel() >= BUCKETS:
                self.names.add(func.overloadpacket.__name__)
        return given


def _large(tables):
    tasks = [
        replace(task, layout=replace(task.layout, buckets=BUCKETS, ngrams=task.layout.ngrams and BUCKETS))
        for task in tables.tasks
    ]
    return replace(tables, tasks=tuple(tasks))


@pytest.mark.parametrize("strategy", ["sum", "uncertainty", "gradnorm", "pcgrad"])
@pytest.mark.parametrize(
    "setup", [(name, shared) for name in ("hashed_tables", "shared_words") for shared in (0, 1)], ids=str
)
@pytest.mark.parametrize(
    "settings",
    [{}, {"clip_norm": 0.1, "warmup": 0.9, "schedule": "cosine"}, {"accumulation": 2, "precision": "bf16"}],
    ids=str,
)
def test_a_step_reads_and_writes_rows_of_a_hash_table_and_nothing_of_its_size(job, request, strategy, setup, settings):
    fixture, shares_rows = setup
    tables = replace(_large(request.getfixturevalue(fixture)), shares_rows=bool(shares_rows))
    training = Optimization(steps=10, eval_every=5, batch_size=16, **settings)
    encoder = ENCODERS[tables.tasks[0].layout.form]
    trainer = Trainer(job(strategy, of=tables, encoder=encoder, training=training))
    assert any(parameter.numel() > BUCKETS for parameter in trainer.model.parameters())
    with Large() as seen:
        for _ in range(2):
            step(trainer, len(tables.tasks))
    assert seen.names >= BY_ROW
    assert seen.names <= BY_ROW | WITHOUT_COPY
