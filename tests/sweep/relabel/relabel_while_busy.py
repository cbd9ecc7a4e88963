"""Relabels two tasks in every way from inside trials that hold every CPU of a small cluster, all at the same time.

Usage: relabel_while_busy.py CPUS TRIALS [kill]

With ``kill``, a shared actor and an actor of a pool are ended by SIGKILL while they predict.
"""

import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

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

TASKS = {"similar": 4, "diverse": 4}  # the largest multiclass table, and the tagging one
ENCODER = Mlp(hidden=(2048, 2048))  # a range takes long enough to be seen
PREDICTING = ("ray::SharedActor.predict", "ray::MapWorker(MapBatches(PoolTeacher)).submit")
"""What Ray calls the processes of actors that are at work."""


@ray.remote(num_cpus=1)
def _trial(name, reference, shared, seed):
    torch.set_num_threads(1)
    tables = as_tensors(ray.get(reference[0]))
    tasks = tuple((table.task, table.layout) for table in tables.tasks)
    torch.manual_seed(seed)
    model = build(Architecture(encoder=ENCODER), tasks)
    index = TASKS[name]
    request = RelabelRequest(task=tasks[index][0].name, model=model.eval(), index=index, table=tables.tasks[index])
    outputs = {}
    for where in ("inline", "shared", "pool", "auto"):
        desk = Relabeller(
            Relabelling(where=where),
            architecture=Architecture(encoder=ENCODER),
            tasks=tasks,
            tables=reference[0],
            shared=shared,
        )
        labels = desk(request)
        outputs[where] = labels.outputs.numpy()
        if where not in {"auto", labels.where}:
            raise AssertionError(labels.where)
    return outputs


class _Killer(threading.Thread):
    """Ends the first process of each name that it sees at work."""

    def __init__(self):
        super().__init__(daemon=True)
        self.killed = {}
        self.done = threading.Event()

    def run(self):
        while len(self.killed) < len(PREDICTING) and not self.done.wait(0.001):
            for folder in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):  # processes come and go
                    name = (folder / "cmdline").read_bytes().rstrip(b"\0").decode()
                    if name in PREDICTING and name not in self.killed:
                        os.kill(int(folder.name), signal.SIGKILL)
                        self.killed[name] = int(folder.name)


def main(cpus, trials, *, kill=False):
    ray.init(address="local", num_cpus=cpus, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    shared = start_shared(2)
    killer = _Killer()
    if kill:
        killer.start()
    references = {}
    for name in TASKS:
        raw = setups.read(name, data_dir=None)
        references[name] = ray.put(setups.featurise(raw, ENCODER.features))
    names = [list(TASKS)[at % len(TASKS)] for at in range(trials)]
    results = ray.get(
        [_trial.remote(name, [references[name]], shared, seed) for seed, name in enumerate(names)], timeout=240
    )
    for outputs in results:
        for where, found in outputs.items():
            # the same batches on the same kind of machine: the promise is 1e-6
            np.testing.assert_allclose(found, outputs["inline"], atol=1e-6, rtol=0, err_msg=where)
    killer.done.set()
    if kill and len(killer.killed) < len(PREDICTING):
        raise AssertionError(f"only {list(killer.killed)} were seen at work")
    sys.stdout.write(f"{len(results)} trials agree\n")
    ray.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), kill="kill" in sys.argv[3:])
