"""Looks at a sweep's folder from two more nodes of this machine's own cluster, one of which does not see it.

Usage: python -m tests.sweep.three_nodes FOLDER

Says as JSON what the driver is told. The node that does not see the folder has an empty file system in its place, in a
mount namespace of its own.
"""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import ray

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep.common_folder import check_nodes, sight_of
from ray_mtlkd.sweep_folder import HEAD

_STARTS = 5


def _joined(address, before=""):
    """A node that has joined; one that Ray could not start, which ports of others may cause, is started again."""
    start = f"{before} exec {Path(sys.executable).parent}/ray start --address={address} --num-cpus=1 --block"
    command = [shutil.which("unshare"), "-m", "sh", "-c", start]
    there = len(ray.nodes())
    for _ in range(_STARTS):
        node = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        while node.poll() is None:
            if len(ray.nodes()) > there:
                return node
            time.sleep(0.1)
    raise RuntimeError(f"no node joins {address}")


def main(folder):
    context = ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    folder.mkdir()
    (folder / HEAD).write_text("{}")
    address = context.address_info["address"]
    nodes = [_joined(address), _joined(address, f"mount -t tmpfs tmpfs {folder} &&")]
    try:
        check_nodes(sight_of(str(folder)))
        told = None
    except MtlkdError as error:
        told = {"what": error.what, "where": error.where}
    for node in nodes:
        os.killpg(node.pid, signal.SIGKILL)
    sys.stdout.write(json.dumps(told) + "\n")
    ray.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
