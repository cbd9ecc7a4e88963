"""Parts of an architecture that speak of tasks by their names."""

from collections.abc import Collection, Iterator, Mapping
from typing import Protocol, runtime_checkable

from ray_mtlkd.decode import join, unknown_name
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.architecture import Architecture


@runtime_checkable
class NamesTasks(Protocol):
    """A way of sharing or a regularizer that does.

    A model may be of some of a setup's tasks alone, and then lets the names of the others be.
    """

    def named(self) -> Mapping[str, str]:
        """The names, by the path below the part where each one stands."""


def unknown_tasks(architecture: Architecture, tasks: Collection[str], *, where: str) -> Iterator[MtlkdError]:
    """What an architecture says of tasks that a setup does not have.

    Args:
        architecture: Of the models of the setup.
        tasks: All of the setup's, by name.
        where: What the paths of sections stand below.
    """
    regularizers = ((join("regularizers", at), each) for at, each in enumerate(architecture.regularizers))
    for place, part in (("sharing", architecture.sharing), *regularizers):
        for path, name in part.named().items() if isinstance(part, NamesTasks) else ():
            if name not in tasks:
                yield unknown_name(name, tasks, what="task", where=f"{where}: {join(place, path)}")
