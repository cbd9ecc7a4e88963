"""Runs that are stopped in the middle, as a lost worker would stop them, and compared with whole ones."""

from dataclasses import replace

from ray_mtlkd.storage import Storage
from ray_mtlkd.training.run import train


class Killed(Exception):  # noqa: N818 - no error
    """In the place of a lost worker."""


def run(job, inline, folder, *, stop_after=None, keep=None):
    """A run with a checkpoint at every evaluation, killed after so many of them."""
    seen = []

    def report(evaluation):
        seen.append(evaluation)
        if len(seen) == stop_after:
            raise Killed

    return train(job, relabel=inline, report=report, storage=Storage.at(str(folder)), checkpoint_every_s=0, keep=keep)


def untimed(outcome):
    """What two runs of one job have in common."""
    return replace(outcome.end, wall_s=0, cpu_s=0), outcome.tasks
