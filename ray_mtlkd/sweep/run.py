"""A whole sweep, from its file to its records.

Only what is light is imported with this module: Ray starts while the rest is.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from ray_mtlkd.cluster.address import WAIT_S
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.imports import importing
from ray_mtlkd.sweep.status import Status

if TYPE_CHECKING:
    from ray_mtlkd.cluster.connection import Cluster


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """What is to be swept, and where to.

    Attributes:
        space: The search-space file; None for the one in the folder of a sweep to go on with.
        out: Folder or URI of a new sweep; None for ``runs/NAME-TIME``.
        resume: Folder or URI of a sweep to go on with.
        extend: Folder or URI of a sweep to add to.
        data_dir: Where the tables of the catalogue's setups are.
    """

    space: Path | None
    out: str | None = None
    resume: str | None = None
    extend: str | None = None
    data_dir: Path | None = None

    def __post_init__(self) -> None:
        """Refuse two targets, and a new sweep of nothing.

        Raises:
            MtlkdError: where both are given, or no search space is.
        """
        if self.space is None and self.resume is None:
            fix = "name the file, or a sweep to go on with by --resume"
            raise MtlkdError("no search space is given", where="SPACE", fix=fix)
        targets = {"--out": self.out, "--resume": self.resume, "--extend": self.extend}
        given = [name for name, target in targets.items() if target is not None]
        if len(given) > 1:
            raise MtlkdError(f"{len(given)} are given", where=" and ".join(given), fix="give only one of them")

    @property
    def known(self) -> str | None:
        """Folder or URI of the sweep that is there, to go on with or to add to; None for a new one."""
        return self.resume or self.extend


@dataclass(frozen=True, kw_only=True)
class SweepEnd:
    """What became of a sweep.

    Attributes:
        uri: Its folder: what a report is made of.
        ok: Trials that ended well, those of earlier runs included.
        failed: The others.
    """

    uri: str
    ok: int
    failed: int


class SweepListener(Protocol):
    """Is told how a sweep goes."""

    def prepare(self, line: str) -> None:
        """A setup is being read, or featurised."""

    def warn(self, line: str) -> None:
        """Something that a reader of the results should know."""

    def begin(self, trials: int, uri: str) -> None:
        """All that can be checked without Ray is sound; trials run next."""

    def tell(self, status: Status) -> None:
        """A trial has begun, was evaluated or has ended."""


class Unheard:
    """Listens to nothing."""

    def prepare(self, line: str) -> None:
        """See `SweepListener`."""

    def warn(self, line: str) -> None:
        """See `SweepListener`."""

    def begin(self, trials: int, uri: str) -> None:
        """See `SweepListener`."""

    def tell(self, status: Status) -> None:
        """See `SweepListener`."""


Progress = bool | Literal["auto"] | SweepListener
"""Whether a sweep shows how it goes, or who is told of it."""


def run_sweep(
    space: str | Path | None,
    *,
    out: str | None = None,
    resume: str | None = None,
    extend: str | None = None,
    data_dir: str | Path | None = None,
    code: str | Path | None = None,
    wait_s: float = WAIT_S,
    progress: Progress = "auto",
) -> SweepEnd:
    """Search and replicate every strategy on every setup, on the cluster at RAY_ADDRESS or on this machine.

    Where ``ray.init`` was called before, it runs there, and Ray goes on after it.

    Finished trials never run again: after an interruption, ``resume`` goes on; ``extend`` adds seeds, configurations,
    strategies or setups to a sweep, and leaves the records of what has run as they are.

    Args:
        space: A search-space file; None for the one in the folder of ``resume``.
        out: Folder or URI to write to; ``runs/NAME-TIME`` unless told.
        resume: Folder or URI of a sweep to go on with, instead of ``out``.
        extend: Folder or URI of a sweep of which ``space`` is to be more, likewise.
        data_dir: Where the tables of the catalogue's setups are.
        code: Folder of your own modules, for what the search space names ``module:Name``.
        wait_s: How long Ray may take to answer.
        progress: Whether it shows how it goes, as the command line does; ``auto``: in a notebook and on a terminal. Or
            somebody who is told instead.

    Raises:
        MtlkdError: the only problem; nothing has run.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    from ray_mtlkd.cluster.connection import connect  # noqa: PLC0415 - Ray takes long to import
    from ray_mtlkd.registry import import_from  # noqa: PLC0415 - not where nobody names a folder
    from ray_mtlkd.sweep.display import listening  # noqa: PLC0415 - it asks this module what it is told

    request = SweepRequest(
        space=None if space is None else Path(space),
        out=out,
        resume=resume,
        extend=extend,
        data_dir=None if data_dir is None else Path(data_dir),
    )
    own = None if code is None else import_from(Path(code))
    with connect(code=own, wait_s=wait_s) as cluster, listening(progress) as listener:
        return sweep_on(cluster, request, listener=listener)


def sweep_on(cluster: "Cluster", request: SweepRequest, *, listener: SweepListener) -> SweepEnd:
    """`run_sweep` on a cluster, which need not have started.

    Raises:
        MtlkdError: the only problem; nothing has run.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    if request.known is None:
        cluster.start()  # first of all: it takes as long as the imports below
    with importing():
        from ray_mtlkd.sweep.driver import drive  # noqa: PLC0415 - see the docstring of the module

    return drive(cluster, request, listener=listener)
