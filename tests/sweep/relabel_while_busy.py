"""Relabels two tasks in every way from inside trials that hold every CPU of a small cluster.

Usage: relabel_while_busy.py CPUS TRIALS
"""

import logging
import sys

import numpy as np
import ray
import torch

from ray_mtlkd import setups
from ray_mtlkd.models.build import build
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.sweep.relabel import Desk, start_shared
from ray_mtlkd.tasks.examples import as_tensors
from ray_mtlkd.training.job import Request
from ray_mtlkd.training.settings import Relabelling

TASKS = {"similar": 4, "diverse": 4}  # the largest multiclass table, and the tagging one


@ray.remote(num_cpus=1)
def _trial(name, reference, shared, seed):
    torch.set_num_threads(1)
    tables = as_tensors(ray.get(reference[0]))
    tasks = tuple((table.task, table.layout) for table in tables.tasks)
    torch.manual_seed(seed)
    model = build(Mlp(hidden=(32,)), tasks)
    index = TASKS[name]
    request = Request(task=tasks[index][0].name, model=model.eval(), index=index, table=tables.tasks[index])
    outputs = {}
    for where in ("inline", "shared", "pool", "auto"):
        desk = Desk(
            Relabelling(where=where), encoder=Mlp(hidden=(32,)), tasks=tasks, tables=reference[0], shared=shared
        )
        labels = desk(request)
        outputs[where] = labels.outputs.numpy()
        if where != "auto" and not labels.where.startswith(where):
            raise AssertionError(labels.where)
    return outputs


def main(cpus, trials):
    ray.init(address="local", num_cpus=cpus, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    shared = start_shared(2)
    references = {}
    for name in TASKS:
        raw = setups.read(name, data_dir=None)
        references[name] = ray.put(setups.featurise(raw, Mlp(hidden=(32,)).features))
    names = [list(TASKS)[at % len(TASKS)] for at in range(trials)]
    results = ray.get(
        [_trial.remote(name, [references[name]], shared, seed) for seed, name in enumerate(names)], timeout=240
    )
    for outputs in results:
        for where, found in outputs.items():
            # the same batches on the same kind of machine: the promise is 1e-6
            np.testing.assert_allclose(found, outputs["inline"], atol=1e-6, rtol=0, err_msg=where)
    sys.stdout.write(f"{len(results)} trials agree\n")
    ray.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
