import pickle

import numpy as np
import torch

from ray_mtlkd.data.examples import Examples, SetupTables, TaskTables, as_tensors
from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Dense, DenseTokens
from ray_mtlkd.tasks.task import Task


def _shared():
    inputs = Dense(np.arange(12, dtype=np.float32).reshape(6, 2), np.zeros((6, 0), np.int64))
    tasks = []
    for name, rows in (("a", [0, 2, 5]), ("b", [1, 2])):
        task = Task(name=name, kind="binary", metric="auc", classes=("0", "1"))
        part = Examples(inputs, np.array([0, 1, 0], np.float32)[: len(rows)], np.array(rows, np.int64))
        tasks.append(TaskTables(task, Layout(form="Dense", width=2), part, part, part, 0.5, 0.5))
    return SetupTables("s", tuple(tasks), "f", shares_rows=True)


def test_inputs_that_tasks_share_stay_one_object_on_their_way_to_a_trial():
    tables = as_tensors(pickle.loads(pickle.dumps(_shared(), protocol=5)))  # noqa: S301 - what the object store does
    assert tables.tasks[0].train.inputs is tables.tasks[1].valid.inputs
    assert tables.shares_rows


def test_the_inputs_of_a_labelled_row_are_those_of_its_place_in_the_file():
    train = as_tensors(_shared()).tasks[0].train
    (taken,) = train.batches(torch.tensor([2, 0]), [2])
    assert taken.values.tolist() == [[10.0, 11.0], [0.0, 1.0]]
    taken.values.add_(1)
    assert train.inputs.values[5].tolist() == [10.0, 11.0]


def test_the_labels_of_a_tagged_row_are_found_among_those_of_the_labelled_rows():
    inputs = DenseTokens(np.zeros((7, 1), np.float32), np.array([0, 2, 4, 7], np.int64))
    labelled = Examples(inputs, np.array([5, 6, 7, 8, 9]), np.array([0, 2]), np.array([0, 2, 5]))
    (examples,) = as_tensors((labelled,))
    at = torch.tensor([1])
    assert examples.labels[examples.places(at)].tolist() == [7, 8, 9]
    assert len(examples.batches(at, [1])[0].values) == 3
