"""Files of records and of classical models in what a user names: a sweep's folder, any folder, or a file."""

import posixpath
from dataclasses import dataclass

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.escapes import in_markdown
from ray_mtlkd.report.sheets import TABLES
from ray_mtlkd.seals import check_table
from ray_mtlkd.storage import Storage, join_uri, reaching, split_uri
from ray_mtlkd.sweep_folder import CLASSICAL_FILE, DRIVER, HEAD, PARQUET, SweepFolder

_OTHERS = {CLASSICAL_FILE, *(f"{name}{PARQUET}" for name in TABLES)}
"""What may lie beside records, and holds none: a report's tables are among it."""


@dataclass(frozen=True)
class RecordFile:
    """A file, in a folder on any file system.

    Attributes:
        is_sealed: Whether a sweep has written it there, with its checksum.
    """

    folder: Storage
    name: str
    is_sealed: bool = False

    @property
    def uri(self) -> str:
        """As messages show it."""
        return join_uri(self.folder.uri, self.name)

    @property
    def identity(self) -> tuple[str, str]:
        """The same for the same file, however it was named."""
        return self.folder.filesystem.type_name, posixpath.join(self.folder.root, self.name)

    def read(self) -> bytes:
        """The whole file; nothing where it is gone.

        Raises:
            DamagedFileError: where it is not what was written.
        """
        return check_table(self.folder.read(self.name) or b"", is_sealed=self.is_sealed)


def record_files(given: str) -> list[RecordFile]:
    """The Parquet files of a sweep's folder, of any folder, or the one file itself, in the order of their names.

    Raises:
        MtlkdError: where there is none.
    """
    sweep = SweepFolder.at(given)
    with reaching(given):
        if sweep.root.is_file:
            parent, name = split_uri(given)
            return [RecordFile(Storage.at(parent), name)]
        if sweep.root.is_missing:
            raise MtlkdError("no such file or folder", where=given, fix="give the folder that a sweep wrote")
        folder = sweep.root if sweep.records.is_missing else sweep.records
        is_sweep = HEAD in sweep.root.names()
        own = is_sweep and folder is not sweep.root
        found = [RecordFile(folder, name, is_sealed=own) for name in folder.names() if _is_record(name)]
    if is_sweep and not found:
        fix = "wait until one has; `ray-mtlkd status` says how far the sweep is"
        raise MtlkdError("no trial of this sweep has ended yet", where=given, fix=fix)
    if not found:
        raise MtlkdError(f"no records (*{PARQUET})", where=folder.uri, fix="give the folder that a sweep wrote")
    return found


def going_on(given: str) -> str | None:
    """What is said of a sweep that has not ended: where it is, or how many trials are open; None of all else."""
    sweep = SweepFolder.at(given)
    with reaching(given):
        if sweep.root.is_file or sweep.records.is_missing:
            return None
        trials = len(sweep.open_trials.folders())
        drivers = [name for name in sweep.root.names() if DRIVER.fullmatch(name)]
    if not trials and not drivers:
        return None
    some = f"{trials} trial{'s have' if trials > 1 else ' has'} begun and not ended" if trials else "it is still driven"
    return f"{in_markdown(given)} has not ended ({some}): this is of what has; `ray-mtlkd status` says what is missing"


def classical_files(given: str) -> list[RecordFile]:
    """The files of classical models in a sweep's folder, in the order of their names."""
    sweep = SweepFolder.at(given)
    with reaching(given):
        if sweep.root.is_file:
            return []
        names, folder = sweep.root.names(), sweep.classical
        single = [RecordFile(sweep.root, name) for name in names if name == CLASSICAL_FILE]
        own = HEAD in names
        return [*single, *(RecordFile(folder, name, is_sealed=own) for name in folder.names() if _is_record(name))]


def _is_record(name: str) -> bool:
    return name.endswith(PARQUET) and not name.startswith((".", "_")) and name not in _OTHERS
