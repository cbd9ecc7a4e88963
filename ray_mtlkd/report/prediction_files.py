"""Files of predictions in sweeps' folders, each with the trial whose records name it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from ray_mtlkd import predicted
from ray_mtlkd.predicted import HeldOut, PredictedRows
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.runs import Key
from ray_mtlkd.storage import Storage, join_uri, reaching
from ray_mtlkd.sweep_folder import PARQUET, SweepFolder


@dataclass(frozen=True, kw_only=True)
class PredictionFile:
    """What a finished replicate trial predicts.

    Attributes:
        key: Sweep and seed.
        checksum: Of the trial's records.
    """

    setup: str
    strategy: str
    key: Key
    checksum: str
    folder: Storage
    name: str

    def read(self, split: HeldOut) -> Iterator[PredictedRows]:
        """One task after the other.

        Raises:
            MtlkdError: where the file is not what the trial wrote.
        """
        where = join_uri(self.folder.uri, self.name)
        with reaching(where):
            data = self.folder.read(self.name) or b""
        yield from predicted.read(data, expected=self.checksum, split=split, where=where)


def find(results: Sequence[str], records: Records) -> tuple[PredictionFile, ...]:
    """The files in these sweeps' folders, setup by setup and strategy by strategy; none where only records are given.

    Raises:
        MtlkdError: where a folder cannot be reached.
    """
    columns = ["setup", "strategy", "sweep", "seed", "trial", "predictions", "file"]
    table = records.table.filter(pc.is_valid(records.table["predictions"]))
    trials = table.group_by(columns).aggregate([]).select(columns).sort_by([(name, "ascending") for name in columns])
    wanted = trials.to_pylist()
    found: dict[tuple[str, str], PredictionFile] = {}
    for sweep in map(SweepFolder.at, results if wanted else ()):
        with reaching(sweep.uri):
            names = set() if sweep.root.is_file else set(sweep.predictions.names())
        inside = {sweep.records.root, sweep.root.root}
        for row in wanted:
            name = f"{row['trial']}{PARQUET}"
            if name in names and records.files[row["file"]].folder.root in inside:
                file = PredictionFile(
                    setup=row["setup"],
                    strategy=row["strategy"],
                    key=(row["sweep"], row["seed"]),
                    checksum=row["predictions"],
                    folder=sweep.predictions,
                    name=name,
                )
                found.setdefault((row["sweep"], row["trial"]), file)
    return tuple(sorted(found.values(), key=lambda file: (file.setup, file.strategy, file.key)))
