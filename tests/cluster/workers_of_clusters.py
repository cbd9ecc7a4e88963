"""What workers do for this process, of a cluster of this machine's own and of the one at RAY_ADDRESS; says it as JSON.

Usage: workers_of_clusters.py FOLDER CODE

On the own one, whether two trials ran in workers that were there, idle for seconds, before Tune was; on both, what a
worker imports of the folder CODE, of which only the connection was told.
"""

import json
import os
import sys
import time
from pathlib import Path

import ray
from ray import tune

from ray_mtlkd.cluster.connection import connect
from ray_mtlkd.cluster.workers import waiting_workers

IDLE_S = 3


def _trial(config):
    while not (Path(config["folder"]) / "both").exists():  # so that each trial needs a worker of its own
        Path(config["folder"], str(os.getpid())).touch()
        if len(list(Path(config["folder"]).iterdir())) == 2:
            Path(config["folder"], "both").touch()
        time.sleep(0.1)
    tune.report({"worker": os.getpid(), "imported": "ray_mtlkd.sweep.trial" in sys.modules})


@ray.remote(num_cpus=0)
def _word():
    import somebodys_own  # noqa: PLC0415 - it is there on the worker alone

    return somebodys_own.WORD


def _workers(pid):
    """Ray's workers among the processes below ``pid``."""
    found = set()
    for line in Path(f"/proc/{pid}/task").iterdir():
        for child in (line / "children").read_text().split():
            command = Path(f"/proc/{child}/cmdline").read_text().split("\0")
            is_worker = command[0].startswith("ray::IDLE") or command[1].endswith("default_worker.py")
            found |= {int(child)} if is_worker else _workers(child)
    return found


def _trials(folder):
    """Of two trials, whether each ran in a worker that waited, and imported ahead."""
    time.sleep(IDLE_S)
    waiting = _workers(os.getpid())
    with waiting_workers():
        found = tune.Tuner(
            tune.with_resources(_trial, {"CPU": 1}),
            param_space={"folder": folder},
            tune_config=tune.TuneConfig(num_samples=2),
            run_config=tune.RunConfig(storage_path=f"{folder}-tune", verbose=0),
        ).fit()
    return [{"waited": result.metrics["worker"] in waiting, "imported": result.metrics["imported"]} for result in found]


def main(folder, code):
    told = {}
    address = os.environ.pop("RAY_ADDRESS")
    with connect(code=code) as cluster:
        cluster.wait()
        told["trials"] = _trials(folder)
        told["own"] = ray.get(_word.remote())
    assert code not in os.environ.get("PYTHONPATH", "")
    os.environ["RAY_ADDRESS"] = address
    with connect(preload=False, code=code) as cluster:
        cluster.wait()
        told["other"] = ray.get(_word.remote())
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
