"""A Ray Data actor pool that predicts one table: its actors start for it and end with it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from ray.data.exceptions import ExecutionTimeoutError

from ray_mtlkd.cluster.actor_pool import Actors, ask
from ray_mtlkd.cluster.gpu import relying_on_gpu
from ray_mtlkd.data.inputs import Array
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep.relabel.shared import UnansweredError
from ray_mtlkd.sweep.relabel.teacher import Predictor, fetch


class PoolTeacher:
    """What an actor of the Ray Data pool runs: bounds of row ranges in, the same bounds and soft labels out.

    What a user can mend comes back as a value, since Ray Data tells of no error what it was.
    """

    def __init__(self, references: Mapping[str, Any], gpus: float) -> None:
        self._references = references
        self._gpus = gpus
        self._predictor: Predictor | None = None

    def __call__(self, batch: pa.Table) -> pa.Table:
        """One soft-label list a range, flat, and what went wrong."""
        problem: list[str] = []
        try:
            soft = [self._predict(range(row["start"], row["stop"])) for row in batch.to_pylist()]
        except MtlkdError as error:
            soft = [np.zeros(0, np.float32)] * len(batch)
            problem = [error.what, error.where, error.fix]
        # of numpy arrays pyarrow would make lists number by number, which takes as long as a light teacher does
        offsets = np.cumsum([0, *map(len, soft)])
        labelled = batch.append_column("soft", pa.LargeListArray.from_arrays(offsets, np.concatenate(soft)))
        return labelled.append_column("problem", pa.array([problem] * len(batch), pa.list_(pa.string())))

    def _predict(self, rows: range) -> Array:
        with relying_on_gpu(of_a_pool=True):
            if self._predictor is None:
                self._predictor = fetch(self._references, gpus=self._gpus)
            return self._predictor.predict(rows).reshape(-1)


def by_pool(
    references: Mapping[str, Any], parts: Sequence[tuple[int, int]], *, actors: int, gpus: float, limit_s: float
) -> list[Array]:
    """Flat raw outputs of each part of a table.

    Args:
        references: To the teacher and to its tables.
        parts: Row ranges.
        actors: At most one a part.
        gpus: Of each actor.
        limit_s: Without progress for so long, they hang.

    Raises:
        MtlkdError: where an actor cannot use its GPU, or the GPU's memory is full.
        UnansweredError: where they hang.
    """
    # two: the next range is there when one is done, and nobody hoards what another could do
    size = min(actors, len(parts))
    asked = Actors(kind=PoolTeacher, arguments=(references, gpus), least=size, most=size, cpus=0, gpus=gpus, asked=2)
    questions = [pa.table({"start": [start], "stop": [stop]}) for start, stop in parts]
    try:
        found = list(ask(asked, questions, stalled_s=limit_s, in_order=True))
    except ExecutionTimeoutError as error:
        raise UnansweredError(f"the pool made no progress for {limit_s:g} s (resources.stall_s)") from error
    problems = [problem for table in found for problem in table["problem"].to_pylist() if problem]
    if problems:
        what, where, fix = problems[0]
        raise MtlkdError(what, where=where, fix=fix)
    bounds = [(row["start"], row["stop"]) for table in found for row in table.select(["start", "stop"]).to_pylist()]
    if bounds != list(parts):
        raise RuntimeError(f"the pool returned the ranges {bounds} instead of {parts}")
    # views of the object store: joined by Arrow, they would be copied once more than they have to be
    return [row.values.to_numpy() for table in found for chunk in table["soft"].chunks for row in chunk]
