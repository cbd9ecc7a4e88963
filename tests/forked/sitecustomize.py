"""Python imports this as it starts where this folder is on its path: a worker of Ray's has a fork take its place.

See `tests.fork_server`, whose address is in ``MTLKD_FORKS``. This process stays until its fork has ended: Ray takes it
for the worker until that has told its own number.
"""

import os
import sys
from itertools import dropwhile
from pathlib import Path


def _be_forked(words):
    import json  # noqa: PLC0415 - most processes need neither
    import socket  # noqa: PLC0415 - likewise

    own = {"words": words, "environment": dict(os.environ), "path": sys.path, "folder": str(Path.cwd())}
    request = json.dumps(own).encode()
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(os.environ["MTLKD_FORKS"])
        socket.send_fds(line, [len(request).to_bytes(8)], [0, 1, 2])
        line.sendall(request)
        line.recv(1)
    os._exit(0)


if "MTLKD_FORKS" in os.environ:
    called = [*dropwhile(lambda word: word.startswith("-"), sys.orig_argv[1:])]
    if called and called[0].endswith("/default_worker.py"):
        _be_forked(called)
