"""Classical models beside the trials: one Ray task a setup, started first and awaited last.

A task asks for one CPU and holds it until it ends, and nothing that a trial waits for depends on it: where trials hold
every CPU it runs after them, where it holds the only one they run after it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ray
from ray.exceptions import RayError

from ray_mtlkd import classical
from ray_mtlkd.classical import ClassicalResults
from ray_mtlkd.setups.validated import ValidatedSetup
from ray_mtlkd.shell import command
from ray_mtlkd.sweep.output import write_classical
from ray_mtlkd.sweep_folder import SweepFolder

Say = Callable[[str], None]

_RETRIES = 2
"""Times that a model may lose its worker."""


@contextmanager
def computing(unmeasured: Sequence[ValidatedSetup], uri: str, *, say: Say) -> Iterator[None]:
    """While the body runs, compute what the cache does not hold; after it, wait for what is not done.

    No failure in here is a failure of the sweep: it is said instead.

    Args:
        unmeasured: Setups without models in the sweep's folder.
        uri: The sweep's folder.
        say: Told of waiting and of failures.
    """
    started: dict[str, Any] = {}
    for setup in unmeasured:
        found = classical.known(setup, say=say)
        if found is None:
            task = ray.remote(num_cpus=1, max_retries=_RETRIES)(_compute)
            started[setup.manifest.name] = task.remote(ray.put(setup), uri)
        else:
            _write(found, uri, setup=setup.manifest.name, say=say)
    yield
    for name, reference in started.items():
        _await(name, reference, uri=uri, say=say)


def _compute(setup: ValidatedSetup, uri: str) -> ClassicalResults:
    found = classical.compute(setup, say=_ignore)
    # Written where it was computed, so that nothing is lost with the driver.
    if found.records:
        write_classical(SweepFolder.at(uri), found.records)
    return found


def _ignore(_: str) -> None:
    """Workers have nobody to tell."""


def _await(setup: str, reference: Any, *, uri: str, say: Say) -> None:
    if not ray.wait([reference], timeout=0)[0]:
        said = f"(to go without them: Ctrl-C, then `{command('ray-mtlkd', 'report', uri)}`)"
        say(f"the trials are done; waiting for the classical models of {setup} … {said}")
    try:
        found: ClassicalResults = ray.get(reference)
    except (RayError, OSError) as error:
        say(f"warning: no classical models of {setup}: {_last_line(error)}")
        return
    for problem in found.problems:
        say(f"warning: {setup} has no classical model for every task: {problem}")
    classical.remember(found, say=say)


def _write(found: ClassicalResults, uri: str, *, setup: str, say: Say) -> None:
    try:
        write_classical(SweepFolder.at(uri), found.records)
    except OSError as error:
        say(f"warning: the classical models of {setup} cannot be written: {_last_line(error)}")


def _last_line(error: Exception) -> str:
    """What a remote error says after its traceback."""
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
