"""Sweeps as processes of their own, which are disturbed, and what they leave, to compare with an undisturbed one."""

import os
import subprocess
import sys
import time

import pyarrow.parquet as pq

from tests.scripts import LIMIT_S

SPACE = """
name: breakable
setups: [fewer.yaml]
encoder: {name: mlp, hidden: [32]}
training: {steps: 120, batch_size: 32, eval_every: 6, lr: {grid: [6e-3, 12e-3]}}
convergence: {patience: 2, patience_epochs: 0, min_epochs: 0, smoothing: 1, noise: 0}
strategies:
  - {name: joint_kd, curriculum: {rewind: true}}
  - {name: gradnorm}
search: {configurations: 2}
replicate: {configurations: 1, seeds: [1, 2]}
resources: {checkpoint_every_s: 0}
"""
"""Of some seconds, on the setup that `write_fewer` writes."""
UNTIMED = ("wall_s", "cpu_s", "relabelled_where", "relabelled_why")
"""Columns that no two runs have in common, or not where one has another machine."""

# A process that a shell starts in the background ignores SIGINT, one under nohup SIGHUP, and so do their children.
MAIN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
import runpy
runpy.run_module("ray_mtlkd", run_name="__main__", alter_sys=True)
"""


def start(*words, before=(), on=None):
    """Start a sweep that heeds signals as from a terminal, in a session of its own.

    Args:
        before: What its command line begins with.
        on: Variables of its environment.
    """
    return subprocess.Popen(
        [*before, sys.executable, "-c", MAIN, "sweep", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(on or {})},
        start_new_session=True,
    )


def records(out):
    """Every trial's reproducible records, by name."""
    return {path.stem: pq.read_table(path).drop_columns(UNTIMED) for path in (out / "records").glob("*.parquet")}


def written(out):
    """When the records of each trial were written, by file."""
    return {path: path.stat().st_mtime_ns for path in (out / "records").glob("*.parquet")}


def assert_same(first, second):
    """The same trials with the same records."""
    assert first.keys() == second.keys()
    for name, table in first.items():
        other = second[name]
        assert table.schema == other.schema, name
        differing = [column for column in table.column_names if not table[column].equals(other[column])]
        assert not differing, (name, {column: (table[column], other[column]) for column in differing})


def kept(out):
    """Every byte of every kept model and of all predictions, by file."""
    folders = [out / "models", out / "predictions"]
    files = [(folder, path) for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {f"{folder.name}/{path.relative_to(folder)}": path.read_bytes() for folder, path in files}


def wait_for(condition):
    """Return when it is so."""
    until = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.05)
