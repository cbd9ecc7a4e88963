"""What a sweep writes into its folder besides trials, and what makes a folder the same sweep's."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version

import pyarrow.parquet as pq

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.foreign.tables import read_parquet
from ray_mtlkd.records import ClassicalRecord, classical_to_table
from ray_mtlkd.seals import check_table, sealed_json, sealed_table
from ray_mtlkd.serial import dumps, loads
from ray_mtlkd.shell import command
from ray_mtlkd.storage import join_uri
from ray_mtlkd.sweep.content import SweepContent, alterations, differences
from ray_mtlkd.sweep.space import SearchSpace
from ray_mtlkd.sweep_folder import HEAD, PARQUET, SweepFolder

_DECIDING = ("ray-mtlkd", "torch", "numpy", "scipy", "scikit-learn")
"""Packages that decide results."""
_SHOWN = 3
"""Differences that an error names."""


@dataclass(frozen=True, kw_only=True)
class SweepHead:
    """What makes two runs the same sweep, and what they ran with.

    Attributes:
        began: Fingerprint of the content that it began with: a sweep that grows is the same one.
        versions: Of the packages that decide results.
        files: SHA-256 of search space and manifests in its folder, by name.
    """

    name: str
    began: str
    content: SweepContent
    versions: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def sweep(self) -> str:
        """The sweep's identity in its records."""
        return f"{self.name}-{self.began[:8]}"


def new_head(name: str, content: SweepContent) -> SweepHead:
    """Of a sweep that begins here and now."""
    packages = (*_DECIDING, *(("optuna",) if content.settings.get("search.sampler") == "tpe" else ()))
    versions = {package: version(package) for package in packages}
    return SweepHead(name=name, began=content.fingerprint, content=content, versions=versions)


def check_empty(folder: SweepFolder) -> None:
    """Make sure that a new sweep would overwrite nothing.

    Raises:
        MtlkdError: where there is something in the folder.
    """
    if not folder.root.is_empty:
        is_sweep = folder.root.read(HEAD) is not None
        resume = f"go on with a sweep by `{command('--resume', folder.uri)}`, or " if is_sweep else ""
        fix = f"{resume}give another `--out`"
        raise MtlkdError("there is something in this folder already", where=folder.uri, fix=fix)


def read_head(folder: SweepFolder) -> SweepHead:
    """Of the sweep in a folder.

    Raises:
        MtlkdError: where there is none, or a damaged one.
    """
    text = folder.head()
    if text is None:
        raise MtlkdError("no sweep to resume", where=folder.uri, fix="start one with `--out` instead of `--resume`")
    fix = "start a new sweep with another `--out`"
    return loads(SweepHead, text, where=join_uri(folder.uri, HEAD), fix=fix)


def create(folder: SweepFolder, head: SweepHead, *, files: Mapping[str, str]) -> None:
    """Start a sweep, or say anew what it is made of.

    Args:
        folder: Of the sweep.
        head: Is written last.
        files: Search space and manifests, by name.
    """
    written = {name: text.encode() for name, text in files.items()}
    for name, data in written.items():
        folder.root.write(name, data)
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in written.items()}
    folder.root.write(HEAD, sealed_json(dumps(replace(head, files=digests), indent=1)))


def check_space(folder: SweepFolder, space: SearchSpace, *, grows: bool) -> None:
    """Make sure that a folder holds a sweep of this search space, before the tables are read.

    Raises:
        MtlkdError: where it holds none, or one of another space or of other versions.
    """
    there = read_head(folder)
    check_same(folder, new_head(there.name, space.content(there.content.setups)), grows=grows)


def check_same(folder: SweepFolder, head: SweepHead, *, grows: bool) -> SweepHead:
    """Make sure that a folder holds this very sweep, whatever it is called; returns the head to go on with.

    Args:
        folder: Of the sweep.
        head: As a new sweep would have it.
        grows: Whether there may be more of it now.

    Raises:
        MtlkdError: where it holds none, or one of another space, other tables or other versions.
    """
    there = read_head(folder)
    found = (alterations if grows else differences)(there.content, head.content)
    if found:
        more = f", and {len(found) - _SHOWN} other things" if len(found) > _SHOWN else ""
        what = "this would change trials that have run" if grows else "this folder holds another sweep"
        fix = (
            "only add strategies, setups, seeds or (where the search does not halve) configurations"
            if grows
            else "go on with what it was started with (`--resume` alone takes the search space in the folder)"
        )
        raise MtlkdError(
            f"{what}: {'; '.join(map(str, found[:_SHOWN]))}{more}",
            where=folder.uri,
            fix=f"{fix}, or start a new sweep with another `--out`",
        )
    if there.versions != head.versions:
        pairs = {name: (there.versions.get(name), now) for name, now in head.versions.items()}
        moved = ", ".join(f"{name} {then} is now {now}" for name, (then, now) in pairs.items() if then != now)
        raise MtlkdError(
            f"the sweep began with other versions, and trials would not be comparable: {moved}",
            where=folder.uri,
            fix="install what it began with, or start a new sweep with another `--out`",
        )
    return replace(there, content=head.content)


def write_classical(folder: SweepFolder, records: Sequence[ClassicalRecord]) -> None:
    """A setup's classical models, there whole or not at all."""
    buffer = io.BytesIO()
    pq.write_table(classical_to_table(records), buffer)
    folder.classical.write(f"{records[0].setup}{PARQUET}", sealed_table(buffer.getvalue()))


def has_classical(folder: SweepFolder, setup: str, *, tasks: int) -> bool:
    """Whether the classical models of all of a setup's tasks have been written."""
    data = folder.classical.read(f"{setup}{PARQUET}")
    try:
        return data is not None and read_parquet(check_table(data, is_sealed=True)).num_rows == tasks
    except OSError:  # they are computed again
        return False
