"""Commands and scripts as processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT_S = 900
"""Ends what hangs: no test is about speed, and other work may keep the machine busy."""

_MAIN = "from ray_mtlkd.cli import main; main()"


def command(*words):
    """The command line that runs `ray-mtlkd` with these words."""
    return [sys.executable, "-c", _MAIN, *map(str, words)]


def run(command, *, on=None, cwd=None):
    """Run a command line to its end, on the run's cluster where its fixture is given."""
    environment = {**os.environ, **(on or {})}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT_S, check=False, cwd=cwd, env=environment
    )


def printed_by(*script, on=None):
    """What a script, given as Python wants it with its arguments, prints that ends well."""
    done = run([sys.executable, *map(str, script)], on=on, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def json_in(printed):
    """The one line that is JSON: Ray may tell of processes that it has lost, before and after."""
    (line,) = [line for line in printed.splitlines() if line.startswith("{")]
    return json.loads(line)
