"""Classical models on a cluster of one CPU that something else holds; says OK."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import ray

from ray_mtlkd import setups
from ray_mtlkd.cluster.connection import connect
from ray_mtlkd.sweep.classical import computing


class Trial:
    """Holds a CPU."""

    def ready(self):
        """Whether it does."""
        return True


def main(folder):
    """A sound setup of one task, one with a task that cannot be learnt, and one that a defect ends."""
    whole = setups.read("similar", data_dir=None)
    sound = replace(whole, tasks=whole.tasks[:1])
    broken = {split: replace(part, labels=part.labels[:-1]) for split, part in whole.tasks[0].splits.items()}
    partly = replace(
        whole,
        manifest=replace(whole.manifest, name="partly"),
        tasks=(replace(whole.tasks[0], splits=broken), whole.tasks[1]),
    )
    defect = replace(
        whole, manifest=replace(whole.manifest, name="defect"), tasks=(replace(whole.tasks[0], spec=None),)
    )
    said = []
    with connect() as cluster:
        cluster.wait()
        trial = ray.remote(num_cpus=ray.cluster_resources()["CPU"])(Trial).remote()
        ray.get(trial.ready.remote())
        with computing([sound, partly, defect], str(folder), say=said.append):
            time.sleep(2)
            assert not (folder / "classical").exists()
            ray.kill(trial)
    assert sorted(path.name for path in (folder / "classical").iterdir()) == ["partly.parquet", "similar.parquet"]
    assert any(line.startswith("the trials are done; waiting for the classical models of similar") for line in said)
    assert any(line.startswith("warning: partly has no classical model for every task: ") for line in said)
    assert any(line.startswith("warning: no classical models of defect: ") for line in said)
    sys.stdout.write("OK\n")


main(Path(sys.argv[1]))
