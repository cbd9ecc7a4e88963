"""Relabels on a cluster of one CPU that counts two GPUs where PyTorch finds none.

Usage: python -m tests.sweep.relabel.relabel_on_gpus FOLDER

Says as JSON what becomes of it. First, two trials that want the CPU relabel on CPUs. Then actors hold GPUs, first as it
is, and then with the CPU in the place of a GPU that fails the first process of each way: each of the others notes in
FOLDER which GPUs Ray has given it. Last, a GPU fails each process of the pool.
"""

import json
import logging
import os
import sys
from pathlib import Path

import ray
import torch

from ray_mtlkd import setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.sweep.relabel import Relabeller, start_shared
from ray_mtlkd.training.evaluation.evaluate import predict_all
from ray_mtlkd.training.job import RelabelRequest
from ray_mtlkd.training.settings import Relabelling
from tests.fork_server import forking
from tests.sweep.relabel.busy import assert_same, relabel_in_every_way

INDEX = 4  # the largest table: several ranges
ENCODER = Mlp(hidden=(512, 512))
SHARES = {"shared": 0.5, "pool": 1.0}


def _stand_in(folder):
    """What a worker does as it starts: the CPU is in the place of a GPU as soon as the folder is there."""

    def replace():
        from ray_mtlkd.sweep.relabel import teacher  # noqa: PLC0415 - in the worker

        real = teacher.choose_device

        def choose(gpus):
            if not folder.exists():
                return real(gpus)
            failed = folder / f"failed-{gpus}"
            if not failed.exists() or (gpus == SHARES["pool"] and (folder / "broken").exists()):
                failed.touch()
                raise torch.AcceleratorError("an illegal memory access was encountered")
            (folder / f"{gpus}-{os.getpid()}").write_text(os.environ["CUDA_VISIBLE_DEVICES"])
            return "cpu"

        teacher.choose_device = choose

    return replace


@ray.remote(num_cpus=1)
def _trial(reference, shared, ways):
    """What each way says, or whether it gives what the trial computes itself."""
    torch.set_num_threads(1)
    tables = as_tensors(ray.get(reference[0]))
    tasks = tuple((table.task, table.layout) for table in tables.tasks)
    model = build(Architecture(encoder=ENCODER), tasks).eval()
    request = RelabelRequest(
        task=tasks[INDEX][0].name, model=model, index=INDEX, table=tables.tasks[INDEX], tasks=tasks
    )
    expected = predict_all(model, INDEX, request.table.train)
    told = {}
    for where in ways:
        settings = Relabelling(where=where, gpus_per_actor=SHARES[where])
        relabeller = Relabeller(
            settings, architecture=Architecture(encoder=ENCODER), tables=reference[0], shared=shared
        )
        try:
            told[where] = torch.allclose(relabeller(request).outputs, expected, atol=1e-6, rtol=0)
        except MtlkdError as error:
            told[where] = str(error)
    return told


def main(folder):
    given = folder / "given"
    with forking(folder) as variables:
        os.environ.update(variables)
        ray.init(
            address="local",
            num_cpus=1,
            num_gpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"worker_process_setup_hook": _stand_in(given)},
        )
        on_cpus = relabel_in_every_way(2, width=128)
        assert_same(on_cpus)
        told = {"agree": len(on_cpus)}
        if not torch.cuda.is_available():
            told |= _on_gpus(given)
        ray.shutdown()
    sys.stdout.write(json.dumps(told) + "\n")


def _on_gpus(folder):
    shared = start_shared(2, gpus=SHARES["shared"])
    reference = [ray.put(setups.featurise(setups.read("similar", data_dir=None), ENCODER.features))]
    without = ray.get(_trial.remote(reference, shared, [*SHARES]), timeout=120)
    folder.mkdir()
    instead = ray.get(_trial.remote(reference, shared, [*SHARES]), timeout=120)
    given = [(path.name.partition("-")[0], path.read_text()) for path in sorted(folder.glob("[0-9]*"))]
    failed = sorted(path.name for path in folder.glob("failed-*"))
    (folder / "broken").touch()
    broken = ray.get(_trial.remote(reference, shared, ["pool"]), timeout=120)
    return {"without": without, "instead": instead, "failed": failed, "given": given, "broken": broken["pool"]}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
