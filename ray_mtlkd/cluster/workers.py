"""Which processes Tune runs trials in."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from ray_mtlkd.cluster.address import address
from ray_mtlkd.cluster.ray_private import trials_without_variables


@contextmanager
def waiting_workers() -> Iterator[None]:
    """While the body runs, Tune lets trials run in workers that Ray has started already, if they are of this machine.

    Tune gives trials environment variables, and with these each a worker of its own, which would only then begin to
    import. Workers of this machine have this process's environment, so that there is nothing that they lack.
    """
    with trials_without_variables() if address() is None else nullcontext():
        yield
