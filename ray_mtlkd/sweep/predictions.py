"""What trials leave of the rows that they are measured on, and how much room it takes."""

from typing import NamedTuple

from torch import Tensor

from ray_mtlkd.data.examples import SetupTables, as_tensors
from ray_mtlkd.predicted import PredictedRows, checksum, to_bytes
from ray_mtlkd.sweep.prepare import Prepared
from ray_mtlkd.sweep_folder import PARQUET, SweepFolder
from ray_mtlkd.training.evaluation.predicted import kept_bytes, predicted_rows
from ray_mtlkd.training.job import Chosen


class PredictionKeeper:
    """Takes the models that a trial is measured at, one after the other, and keeps what they predict.

    Args:
        tables: Of all tasks of the trial.
    """

    def __init__(self, tables: SetupTables[Tensor]) -> None:
        self._tables = tables
        self._found: list[PredictedRows] = []

    def __call__(self, chosen: Chosen) -> None:
        """Predict the rows of a model's tasks."""
        self._found += predicted_rows(chosen.model, chosen.job.tables, whole=self._tables)

    def write(self, folder: SweepFolder, trial: str) -> str:
        """The trial's file, there whole or not at all; returns its checksum."""
        data = to_bytes(self._found)
        folder.predictions.write(f"{trial}{PARQUET}", data)
        return checksum(data)


class PredictionSize(NamedTuple):
    """What a sweep's predictions come to before they are compressed."""

    files: int
    bytes: int


def size_of(prepared: Prepared) -> PredictionSize:
    """How much room a sweep's predictions take at most, where it keeps them."""
    plan = prepared.plan
    each = plan.chosen * len(prepared.space.replicate.seeds)
    by_setup = {setup: sum(map(kept_bytes, as_tensors(tables).tasks)) for (setup, _), tables in prepared.tables.items()}
    return PredictionSize(files=each * len(plan.groups), bytes=each * sum(by_setup[setup] for setup, _ in plan.groups))
