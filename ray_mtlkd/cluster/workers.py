"""Which processes Tune runs trials in."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ray.tune.execution import class_cache

from ray_mtlkd.cluster.connection import address

_VARIABLES: Mapping[str, Any] = {"DEFAULT_ENV_VARS": {}, "ENV_VARS_TO_PROPAGATE": frozenset()}
"""Constants of Tune's: the environment variables that it gives trials."""


@contextmanager
def waiting_workers() -> Iterator[None]:
    """While the body runs, Tune lets trials run in workers that Ray has started already, if they are of this machine.

    Tune gives trials environment variables, and with these each a worker of its own, which would only then begin to
    import. Workers of this machine have this process's environment, so that there is nothing that they lack.
    """
    before = {name: getattr(class_cache, name) for name in _VARIABLES if hasattr(class_cache, name)}
    if address() is None:
        vars(class_cache).update({name: _VARIABLES[name] for name in before})
    try:
        yield
    finally:
        vars(class_cache).update(before)
