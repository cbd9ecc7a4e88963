"""A proximal regularizer in training as it is: by AdamW, whose steps do not grow with gradients."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

from ray_mtlkd.data.examples import Examples, SetupTables, TaskTables, as_tensors
from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Dense
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders.base import Encoder, Forms
from ray_mtlkd.models.regularizers.block_sparse import BlockSparse
from ray_mtlkd.strategies import decode_strategy
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.settings import Optimization
from ray_mtlkd.training.step.trainer import Trainer
from tests.listening import step

TASKS, COLUMNS, SUPPORT = 6, 12, {1, 4, 7}


class _Columns(Encoder):
    """The columns themselves, behind a shift that all tasks share."""

    def __init__(self):
        super().__init__()
        self.shift = torch.nn.Linear(1, COLUMNS, bias=False)

    def forward(self, inputs, tasks):
        return (inputs.values + self.shift.weight[:, 0],) * len(tasks)

    def width(self, task):
        return COLUMNS

    def parts(self, task):
        return (self.shift,)


@dataclass(frozen=True)
class _AsTheyAre:
    name: ClassVar[str] = "as_they_are"
    forms: ClassVar[Forms] = Forms(rows="Dense", tokens=None)
    join = dropout = None

    def build(self, layouts, kinds):
        return _Columns()


@pytest.fixture(scope="module")
def planted():
    """Tasks whose numbers follow from the same three of their columns, with weights of their own."""
    rng = np.random.default_rng(0)
    weights = rng.choice([-1.0, 1.0], (TASKS, COLUMNS)) * rng.uniform(0.5, 1.0, (TASKS, COLUMNS))
    weights[:, [column for column in range(COLUMNS) if column not in SUPPORT]] = 0.0
    parts = []
    for at in range(TASKS):
        values = rng.normal(size=(200, COLUMNS)).astype(np.float32)
        numbers = (values @ weights[at] + 0.5 * rng.normal(size=200)).astype(np.float32)
        examples = Examples(Dense(values, np.zeros((200, 0), np.int64)), numbers, np.arange(200))
        task, layout = Task(name=f"t{at}", kind="regression", metric="rmse"), Layout(form="Dense", width=COLUMNS)
        parts.append(TaskTables(task, layout, examples, examples, examples, 1.0, 1.0))
    return as_tensors(SetupTables("planted", tuple(parts), "fingerprint"))


def _read(tables, strategy, *regularizers):
    """The columns that some head reads once a model is trained."""
    configuration = Configuration(
        strategy=decode_strategy(strategy, where="strategy"),
        architecture=Architecture(encoder=_AsTheyAre(), regularizers=regularizers),
        training=Optimization(steps=400, batch_size=50, eval_every=100, lr=1e-2),
    )
    trainer = Trainer(Job(tables=tables, configuration=configuration, seed=1))
    for _ in range(400):
        step(trainer, TASKS)
    weights = torch.stack([head.linear.weight[0] for head in trainer.model.heads])
    return set((weights != 0).any(0).nonzero().flatten().tolist())


@pytest.mark.parametrize("strategy", ["sum", "pcgrad"])
@pytest.mark.parametrize(("q", "strength"), [("2", 1.4), ("inf", 3.5)])
def test_the_planted_columns_are_read_and_all_others_by_no_head(planted, q, strength, strategy):
    assert _read(planted, strategy, BlockSparse(q=q, strength=strength)) == SUPPORT


def test_without_it_every_column_is_read(planted):
    assert _read(planted, "sum") == set(range(COLUMNS))
