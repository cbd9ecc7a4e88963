"""Whether every node sees the folder that the driver writes: the records of one that does not would be lost."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep_folder import HEAD, SweepFolder

_WAIT_S = 60.0
"""A node that takes longer to start a worker is left to its first trial, which looks as well."""
_SHOWN = 5
"""Nodes or trials that an error names."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What a process must find where the sweep writes.

    Attributes:
        uri: The sweep's folder.
        digest: SHA-256 of what makes it this sweep's.
    """

    uri: str
    digest: str

    def is_clear(self) -> bool:
        """Whether this process finds it."""
        return _digest(self.uri) == self.digest


def sight_of(uri: str) -> Sight:
    """What the driver itself finds, which has just written it.

    Raises:
        MtlkdError: where it is not there.
    """
    digest = _digest(uri)
    if digest is None:
        raise MtlkdError(f"{HEAD} was written and is not there", where=uri, fix="see to the storage")
    return Sight(uri=uri, digest=digest)


def check_nodes(sight: Sight, *, wait_s: float = _WAIT_S) -> None:
    """Make sure that all nodes see the folder; Ray is connected.

    Raises:
        MtlkdError: naming those that do not.
    """
    own = ray.get_runtime_context().get_node_id()
    others = [node for node in ray.nodes() if node["Alive"] and node["NodeID"] != own]
    asked = {_look_from(node["NodeID"], sight): node["NodeManagerAddress"] for node in others}
    answered, _ = ray.wait([*asked], num_returns=len(asked), timeout=wait_s) if asked else ([], [])
    blind = sorted(asked[answer] for answer in answered if _is_blind(answer))
    if blind:
        raise MtlkdError(
            f"{len(blind)} of {len(others) + 1} nodes do not see what was written there: {_some(blind)}",
            where=sight.uri,
            fix="write to a folder that all nodes share, or to a URI (s3://…, gs://…)",
        )


def check_records(uri: str, *, ended: Sequence[str], found: Sequence[str]) -> None:
    """Make sure that all trials that have ended left records.

    Args:
        uri: The sweep's folder.
        ended: Trials that were told to have ended, whatever became of them.
        found: Trials that have records.

    Raises:
        MtlkdError: naming those without.
    """
    missing = sorted(set(ended) - set(found))
    if missing:
        raise MtlkdError(
            f"{len(missing)} of {len(ended)} trials have ended, and their records are not there: {_some(missing)}",
            where=uri,
            fix="see whether the folder was deleted or is not the same on all nodes; `--resume` runs them again",
        )


def _digest(uri: str) -> str | None:
    data = SweepFolder.at(uri).root.read(HEAD)
    return None if data is None else hashlib.sha256(data).hexdigest()


@ray.remote(num_cpus=0, max_retries=0)  # type: ignore[untyped-decorator]  # ray ships no type information
def _is_clear(sight: Sight) -> bool:
    with suppress(OSError):  # a storage that refuses this node
        return sight.is_clear()
    return False


def _look_from(node: str, sight: Sight) -> Any:
    return _is_clear.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(sight)


def _is_blind(answer: Any) -> bool:
    try:
        return not ray.get(answer)
    except RayError:  # the node has gone, and no trial goes there
        return False


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
