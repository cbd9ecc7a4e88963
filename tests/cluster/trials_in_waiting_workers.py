"""Says of two trials whether they ran in workers that were there, idle for seconds, before Tune was."""

import os
import sys
import time
from pathlib import Path

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


def _workers(pid):
    """Ray's workers among the processes below ``pid``."""
    found = set()
    for line in Path(f"/proc/{pid}/task").iterdir():
        for child in (line / "children").read_text().split():
            command = Path(f"/proc/{child}/cmdline").read_text().split("\0")
            is_worker = command[0].startswith("ray::IDLE") or command[1].endswith("default_worker.py")
            found |= {int(child)} if is_worker else _workers(child)
    return found


def main(folder):
    with connect() as cluster:
        cluster.wait()
        time.sleep(IDLE_S)
        waiting = _workers(os.getpid())
        with waiting_workers():
            found = tune.Tuner(
                tune.with_resources(_trial, {"CPU": 1}),
                param_space={"folder": folder},
                tune_config=tune.TuneConfig(num_samples=2),
                run_config=tune.RunConfig(storage_path=f"{folder}-tune", verbose=0),
            ).fit()
        assert all(result.metrics["imported"] for result in found)
        kinds = ["waiting" if result.metrics["worker"] in waiting else "new" for result in found]
        sys.stdout.write(", ".join(kinds) + "\n")


main(sys.argv[1])
