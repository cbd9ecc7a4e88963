"""Where a teacher predicts its train table: in the trial, in actors that the sweep shares, or in a Ray Data pool.

All three cut the table into the same batches and so give the same numbers. None of them asks for a CPU: the trials may
hold every one of them, and a relabel that waited for a CPU would wait for ever. For the same reason the pool's data set
is made of blocks that exist already; reading or converting a table inside a trial starts tasks of its own.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import ray
import ray.data
import torch
from torch import Tensor

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.build import build
from ray_mtlkd.models.encoders import EncoderConfig
from ray_mtlkd.tasks.examples import SetupTables, as_tensors
from ray_mtlkd.tasks.inputs import Array, Layout
from ray_mtlkd.tasks.kinds import KINDS
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.evaluation import BATCH_ROWS, predict, predict_all
from ray_mtlkd.training.job import Request, SoftLabels
from ray_mtlkd.training.settings import Relabelling

_STARTED_S = time.process_time()
"""What this process took to start and import: what the actors of a pool take, on idle cores."""

_STALLED_S = 120
"""A pool that makes no progress for this long ends with an error instead of hanging."""


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """A model on its way to another process.

    Attributes:
        tasks: What the model was built for.
        index: The task that it relabels.
        parameters: Its state dict.
    """

    encoder: EncoderConfig
    tasks: tuple[tuple[Task, Layout], ...]
    index: int
    parameters: Mapping[str, Array]

    @property
    def task(self) -> str:
        """Name of the task that it relabels."""
        return self.tasks[self.index][0].name


class Predictor:
    """A teacher and its train table, ready to predict."""

    def __init__(self, teacher: Teacher, tables: SetupTables[Array]) -> None:
        torch.set_num_threads(1)
        self._index = teacher.index
        self._model = build(teacher.encoder, teacher.tasks)
        # a copy, since arrays from the object store are read-only and a module's parameters are not
        self._model.load_state_dict({key: torch.tensor(array) for key, array in teacher.parameters.items()})
        (own,) = [table for table in as_tensors(tables).tasks if table.task.name == teacher.task]
        self._examples = own.train

    def predict(self, rows: range) -> Tensor:
        """Raw outputs for the given rows."""
        return predict(self._model, self._index, self._examples, rows)


@dataclass(frozen=True, kw_only=True)
class SharedActors:
    """Actors that live as long as the sweep.

    Attributes:
        handles: Ray actor handles of `SharedActor`.
    """

    handles: tuple[Any, ...]


class SharedActor:
    """Predicts for any trial; keeps the last teacher, since a trial asks for it in one go."""

    def __init__(self) -> None:
        self._known: tuple[str, Predictor] | None = None

    def ready(self) -> bool:
        """Whether the actor has started."""
        return True

    def predict(self, key: str, teacher: Teacher, tables: SetupTables[Array], bounds: tuple[int, int]) -> Array:
        """Raw outputs for rows ``bounds[0] <= row < bounds[1]``."""
        if self._known is None or self._known[0] != key:
            self._known = key, Predictor(teacher, tables)
        outputs: Array = self._known[1].predict(range(*bounds)).numpy()
        return outputs


def start_shared(size: int) -> SharedActors:
    """Let ``size`` actors start that hold no CPU."""
    actor = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=3)(SharedActor)
    return SharedActors(handles=tuple(actor.remote() for _ in range(size)))


class PoolTeacher:
    """What an actor of the Ray Data pool runs: bounds of row ranges in, the same bounds and soft labels out."""

    def __init__(self, references: Mapping[str, Any]) -> None:
        self._predictor = Predictor(ray.get(references["teacher"]), ray.get(references["tables"]))

    def __call__(self, batch: pa.Table) -> pa.Table:
        """One soft-label list a range, flat."""
        soft = [
            self._predictor.predict(range(row["start"], row["stop"])).numpy().reshape(-1) for row in batch.to_pylist()
        ]
        return batch.append_column("soft", pa.array(soft, type=pa.large_list(pa.float32())))


class Desk:
    """Relabels for one trial.

    Args:
        settings: Where, or ``auto``.
        encoder: The trial's encoder.
        tasks: What its model was built for.
        tables: Reference to the setup's tables in the object store.
        shared: The sweep's actors; None where no trial may ask for them.
    """

    def __init__(
        self,
        settings: Relabelling,
        *,
        encoder: EncoderConfig,
        tasks: tuple[tuple[Task, Layout], ...],
        tables: Any,
        shared: SharedActors | None,
    ) -> None:
        self._settings = settings
        self._encoder = encoder
        self._tasks = tasks
        self._tables = tables
        self._shared = shared

    def __call__(self, request: Request) -> SoftLabels:
        """The teacher's raw outputs for the whole train table, in the table's order."""
        where, reason = self._decide(request)
        outputs = {"inline": _inline, "shared": self._by_shared, "pool": self._by_pool}[where](request)
        return SoftLabels(outputs=outputs, where=f"{where}: {reason}")

    def _decide(self, request: Request) -> tuple[str, str]:
        if self._settings.where != "auto":
            return self._settings.where, "as configured"
        if request.table.train.labels.device.type != "cpu" or self._shared is None:
            return "inline", "no shared actors" if self._shared is None else "the model is on a GPU"
        costs = self._costs(request, self._shared)
        where = min(costs, key=lambda name: costs[name])
        return where, "estimated " + ", ".join(f"{name} {seconds:.3f} s" for name, seconds in costs.items())

    def _costs(self, request: Request, shared: SharedActors) -> dict[str, float]:
        """Seconds that each way would take, from one timed batch, a round trip and this process's own start-up."""
        rows = len(request.table.train)
        first = range(min(rows, BATCH_ROWS))
        predict(request.model, request.index, request.table.train, first[:1])
        started = time.perf_counter()
        predict(request.model, request.index, request.table.train, first)
        inline = (time.perf_counter() - started) * rows / len(first)
        started = time.perf_counter()
        ray.get(shared.handles[0].ready.remote())
        trip = time.perf_counter() - started
        if inline <= trip:
            return {"inline": inline, "shared": trip + inline, "pool": _STARTED_S + inline}
        free = ray.available_resources().get("CPU", 0.0)
        spread = inline / max(1.0, min(free, self._settings.pool_size))
        return {"inline": inline, "shared": trip + spread, "pool": _STARTED_S + spread}

    def _by_shared(self, request: Request) -> Tensor:
        if self._shared is None:
            raise MtlkdError("the sweep has no shared actors", where="relabel.where", fix="use inline or pool")
        handles = self._shared.handles
        teacher = ray.put(self._teacher(request))
        parts = _ranges(len(request.table.train), parts=len(handles))
        calls = [
            handle.predict.remote(teacher.hex(), teacher, self._tables, bounds)
            for handle, bounds in zip(handles, parts, strict=False)
        ]
        return _back(request, [np.asarray(part) for part in ray.get(calls)])

    def _by_pool(self, request: Request) -> Tensor:
        rows = len(request.table.train)
        parts = _ranges(rows, parts=self._settings.pool_size * _RANGES_AN_ACTOR)
        # A data set of existing blocks (one a range) starts no task that would wait for a CPU.
        blocks = [pa.table({"start": [start], "stop": [stop]}) for start, stop in parts]
        with _quiet_data():
            dataset = ray.data.from_blocks(blocks).map_batches(
                PoolTeacher,
                fn_constructor_args=({"teacher": ray.put(self._teacher(request)), "tables": self._tables},),
                compute=ray.data.ActorPoolStrategy(size=min(self._settings.pool_size, len(parts))),
                num_cpus=0,
                batch_size=1,
                batch_format="pyarrow",
            )
            found = list(dataset.iter_batches(batch_size=None, batch_format="pyarrow"))
        table = pa.concat_tables(found)
        bounds = list(zip(table["start"].to_pylist(), table["stop"].to_pylist(), strict=True))
        if bounds != parts:
            raise RuntimeError(f"the pool of {request.task} returned the ranges {bounds} instead of {parts}")
        return _back(request, [part.values.to_numpy() for part in table["soft"].combine_chunks()])

    def _teacher(self, request: Request) -> Teacher:
        return Teacher(
            encoder=self._encoder,
            tasks=self._tasks,
            index=request.index,
            parameters={key: tensor.cpu().numpy() for key, tensor in request.model.state_dict().items()},
        )


LEAST_FREE_CPUS = 2
"""From so many on actors that hold none may be faster than the trial itself."""

_RANGES_AN_ACTOR = 4
"""So that a slow actor does not hold up the others."""


def _inline(request: Request) -> Tensor:
    return predict_all(request.model, request.index, request.table.train)


def _ranges(rows: int, *, parts: int) -> list[tuple[int, int]]:
    """Row ranges in order, cut where prediction batches end: the batches are then the same as inline."""
    batches = math.ceil(rows / BATCH_ROWS)
    size = math.ceil(batches / parts) * BATCH_ROWS
    return [(start, min(start + size, rows)) for start in range(0, rows, size)]


def _back(request: Request, parts: Sequence[Array]) -> Tensor:
    """Flat parts as one tensor of the head's shape, on the model's device."""
    flat = torch.from_numpy(np.concatenate([part.reshape(-1) for part in parts]))
    task, train = request.table.task, request.table.train
    shaped = flat if KINDS[task.kind].is_scalar else flat.view(-1, task.outputs)
    if len(shaped) != len(train.labels):
        raise RuntimeError(f"{len(shaped)} soft labels for {len(train.labels)} labels of {task.name}")
    return shaped.to(train.labels.device)


@contextmanager
def _quiet_data() -> Iterator[None]:
    """Ray Data without bars, in order, and with an end to waiting."""
    context = ray.data.DataContext.get_current()
    before = (
        context.enable_progress_bars,
        context.execution_options.preserve_order,
        context.execution_no_progress_timeout_s,
    )
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    context.execution_no_progress_timeout_s = _STALLED_S
    try:
        yield
    finally:
        context.enable_progress_bars, context.execution_options.preserve_order = before[:2]
        context.execution_no_progress_timeout_s = before[2]
