"""What a report finds in the predictions of test rows: read once, a trial at a time."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.predicted import PredictedRows
from ray_mtlkd.report.calibration import CalibrationReader, Calibrations, calibration_sheet
from ray_mtlkd.report.confusions import ConfusionReader, Confusions, confusions_sheet
from ray_mtlkd.report.disagreements import DisagreementReader, Disagreements, disagreements_sheet
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.prediction_files import PredictionFile, find
from ray_mtlkd.report.row_noise import RowNoise, RowNoiseReader, joined
from ray_mtlkd.report.text import plain


class RowReader(Protocol):
    """Takes the predictions of one setup's trials."""

    def add(self, file: PredictionFile, part: PredictedRows) -> None:
        """One task's test rows."""


@dataclass(frozen=True, kw_only=True)
class RowFindings:
    """All that is found; nothing of a setup of which no predictions are stored.

    Attributes:
        warnings: Sentences on what is left out.
    """

    noise: RowNoise
    confusions: Confusions
    calibrations: Calibrations
    disagreements: Disagreements
    warnings: tuple[str, ...]

    def tables(self) -> dict[str, pa.Table]:
        """All of it by name; none where nothing is found."""
        return {
            **({"confusions": confusions_sheet(self.confusions)} if self.confusions else {}),
            **({"calibration": calibration_sheet(self.calibrations)} if self.calibrations else {}),
            **({"disagreements": disagreements_sheet(self.disagreements)} if self.disagreements else {}),
        }


@dataclass(frozen=True, kw_only=True)
class _SetupReaders:
    """Everything that is made of one setup's predictions."""

    noise: RowNoiseReader
    confusions: ConfusionReader
    calibrations: CalibrationReader
    disagreements: DisagreementReader

    @property
    def every(self) -> tuple[RowReader, ...]:
        """In turn."""
        return self.noise, self.confusions, self.calibrations, self.disagreements


def read_rows(results: Sequence[str], records: Records) -> RowFindings:
    """Read the predictions in these sweeps' folders.

    Raises:
        MtlkdError: where a folder cannot be reached, or a file is not what its trial wrote.
    """
    files = find(results, records)
    found: list[_SetupReaders] = []
    warnings = list(_gaps(files, records))
    for setup, trials in groupby(files, key=lambda file: file.setup):
        readers = _SetupReaders(
            noise=RowNoiseReader(records),
            confusions=ConfusionReader(),
            calibrations=CalibrationReader(),
            disagreements=DisagreementReader(),
        )
        if _read(trials, readers.every):
            found.append(readers)
        else:
            warnings.append(
                f"{plain(setup)}: trials were tested on different rows, so that nothing is said of single rows"
            )
    return RowFindings(
        noise=joined(each.noise.noise() for each in found),
        confusions={key: one for each in found for key, one in each.confusions.confusions().items()},
        calibrations={key: one for each in found for key, one in each.calibrations.calibrations().items()},
        disagreements={key: one for each in found for key, one in each.disagreements.disagreements().items()},
        warnings=tuple(warnings),
    )


def _read(trials: Iterator[PredictionFile], readers: Sequence[RowReader]) -> bool:
    """Hand every part to every reader; False where trials have other rows or labels than those before them."""
    known: dict[str, bytes] = {}
    for file in trials:
        for part in file.read("test"):
            mark = hashlib.sha256(part.rows.tobytes() + part.labels.tobytes()).digest()
            if known.setdefault(part.task, mark) != mark:
                return False
            for reader in readers:
                reader.add(file, part)
    return True


def _gaps(files: Sequence[PredictionFile], records: Records) -> Iterator[str]:
    """A sentence for each setup of which some trials' predictions are stored, and others' are not."""
    table = records.table.filter(
        pc.and_(pc.equal(records.table["stage"], "replicate"), pc.equal(records.table["status"], "ok"))
    )
    trials = table.group_by(["setup", "sweep", "trial"]).aggregate([])["setup"].to_pylist()
    for setup, own in groupby(files, key=lambda file: file.setup):
        count, total = len(list(own)), trials.count(setup)
        if count < total:
            yield f"{plain(setup)}: the predictions of {total - count} of {total} trials are not there"
