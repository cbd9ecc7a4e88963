"""Trials that relabel two tasks in every way, all at the same time, while they hold every CPU of a small cluster."""

import os
import signal
import threading
from contextlib import suppress

import numpy as np
import ray
import torch

from ray_mtlkd import setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.sweep.relabel import Relabeller, start_shared
from ray_mtlkd.training.job import RelabelRequest
from ray_mtlkd.training.settings import Relabelling
from tests.processes import below
from tests.scripts import LIMIT_S

TASKS = {"similar": 4, "diverse": 4}  # the largest multiclass table, and the tagging one
WAYS = ("inline", "shared", "pool", "auto")
PREDICTING = ("ray::SharedActor.predict", "ray::MapWorker(MapBatches(PoolTeacher)).submit")
"""What Ray calls the processes of actors that are at work."""


@ray.remote(num_cpus=1)
def _trial(name, reference, ways, *, shared, seed, architecture):
    torch.set_num_threads(1)
    tables = as_tensors(ray.get(reference[0]))
    tasks = tuple((table.task, table.layout) for table in tables.tasks)
    torch.manual_seed(seed)
    model = build(architecture, tasks)
    index = TASKS[name]
    request = RelabelRequest(
        task=tasks[index][0].name, model=model.eval(), index=index, table=tables.tasks[index], tasks=tasks
    )
    outputs = {}
    for where in ways:
        relabeller = Relabeller(
            Relabelling(where=where),
            architecture=architecture,
            tables=reference[0],
            shared=shared,
        )
        labels = relabeller(request)
        outputs[where] = labels.outputs.numpy()
        if where not in {"auto", labels.where}:
            raise AssertionError(labels.where)
    return outputs


class Killer(threading.Thread):
    """Ends the first process of each name that it sees at work below this one."""

    def __init__(self):
        super().__init__(daemon=True)
        self.killed = {}
        self.done = threading.Event()

    def run(self):
        while len(self.killed) < len(PREDICTING) and not self.done.wait(0.05):
            for pid, name in below(os.getpid()).items():
                if name in PREDICTING and name not in self.killed:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                        self.killed[name] = pid


def relabel_in_every_way(trials, *, width):
    """What each way gives [trials], by its name, on the cluster that this process is connected to.

    Args:
        trials: How many, one more than run at a time: the last one, which relabels by itself, asks for a CPU meanwhile.
        width: Of the teacher's two layers: the wider, the longer its predictions take.
    """
    shared, encoder = start_shared(2), Mlp(hidden=(width, width))
    references = {}
    for name in TASKS:
        raw = setups.read(name, data_dir=None)
        references[name] = ray.put(setups.featurise(raw, encoder.features))
    names = [list(TASKS)[at % len(TASKS)] for at in range(trials)]
    running = [
        _trial.remote(
            name,
            [references[name]],
            WAYS[:1] if at == trials - 1 else WAYS,
            shared=shared,
            seed=at,
            architecture=Architecture(encoder=encoder),
        )
        for at, name in enumerate(names)
    ]
    return ray.get(running, timeout=LIMIT_S)


def assert_same(results):
    """The same batches on the same kind of machine: the promise is 1e-6."""
    for outputs in results:
        for where, found in outputs.items():
            np.testing.assert_allclose(found, outputs["inline"], atol=1e-6, rtol=0, err_msg=where)
