"""Forks Ray's workers off one process, which has imported what they need: each of them would take seconds to import it.

Usage: python -m tests.fork_server ADDRESS

It serves at a socket until its standard input is closed. Who asks is `forked/sitecustomize.py`, in the process that Ray
has started; what runs in the fork is the script that Ray wanted there.
"""

import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from ray_mtlkd.imports import importing

FOLDER = Path(__file__).with_name("forked")
IMPORTED = ("ray_mtlkd.sweep.preload", "ray.data")


@contextmanager
def forking(folder):
    """Variables with which a cluster starts whose workers are forks, and works as long as the body runs."""
    address = str(folder / "forks")
    command = [sys.executable, "-m", "tests.fork_server", address]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=FOLDER.parents[1])
    server.stdout.readline()  # it listens
    path = [str(FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        yield {"MTLKD_FORKS": address, "PYTHONPATH": os.pathsep.join(path)}
    finally:
        server.communicate()


@dataclass(frozen=True)
class Request:
    """What a process wants to be taken over: what was called there, and where its output goes."""

    words: list[str]
    environment: dict[str, str]
    path: list[str]
    folder: str
    streams: list[int]


def main(address):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for forks
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen(64)
        sys.stdout.write("listening\n")
        sys.stdout.flush()
        while server in select.select([server, sys.stdin], [], [])[0]:
            with server.accept()[0] as line:
                request = _read(line)
                _import_once(request.environment)
                if os.fork() == 0:
                    server.close()
                    _work(request)  # the line is open until it ends
                for stream in request.streams:
                    os.close(stream)


def _read(line):
    size, streams, _, _ = socket.recv_fds(line, 8, 3)
    with line.makefile("rb") as said:
        return Request(**json.loads(said.read(int.from_bytes(size))), streams=streams)


def _import_once(environment):
    """Import what workers need where the first of them is, since Ray reads some variables as it is imported."""
    if "ray" not in sys.modules:
        os.environ.update(environment)
        with importing(), _undrawn():
            for name in IMPORTED:
                importlib.import_module(name)


@contextmanager
def _undrawn():
    """Ray's core draws nothing while the body runs: all forks would go on from there, and give objects the same names.

    It draws a name for each class of actors.
    """
    actor = importlib.import_module("ray.actor")
    before = actor.ActorClassID
    drawn = SimpleNamespace(from_random=lambda: before(os.urandom(before.size())))
    with patch.object(actor, "ActorClassID", drawn):
        yield


def _work(request):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(request.streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request.environment)
    os.chdir(request.folder)
    sys.path[:] = dict.fromkeys([*request.path, *sys.path])
    sys.argv[:] = request.words
    runpy.run_path(request.words[0], run_name="__main__")
    sys.exit()


if __name__ == "__main__":
    main(sys.argv[1])
