"""Runs `ray-mtlkd check` on files, each in a fork of this process that may take so much of a core and no more.

Usage: python -m tests.cli.limited_check

A line of standard input names a file; the line of standard output that answers it is JSON: the fork's exit code, which
is below 0 where a signal ended it, and what it said on standard error.
"""

import importlib
import json
import os
import resource
import sys
import tempfile
import traceback

import torch

from ray_mtlkd.cli import main

LIMIT_S = 10
IMPORTED = ("ray_mtlkd", "distillable", "foresight", "machine", "cost", "predictions", "trackers.tracking")


def check(path):
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if child == 0:
            _work(path, said.fileno())
        _, status = os.waitpid(child, 0)
        said.seek(0)
        return {"code": os.waitstatus_to_exitcode(status), "said": said.read()}


def _work(path, said):
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(said, 2)
    sys.argv = ["ray-mtlkd", "check", path]
    code = 1
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:  # noqa: BLE001 - whatever it is, it is told
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    torch.set_num_threads(1)  # threads of a process do not live on in those that are forked from it
    for name in IMPORTED:
        importlib.import_module("ray_mtlkd" if name == "ray_mtlkd" else f"ray_mtlkd.sweep.{name}")
    for line in sys.stdin:
        sys.stdout.write(json.dumps(check(line.rstrip("\n"))) + "\n")
        sys.stdout.flush()
