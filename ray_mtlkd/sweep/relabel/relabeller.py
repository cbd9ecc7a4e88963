"""Where a teacher labels rows: in the trial, in actors that the sweep shares, or in a Ray Data pool.

All three cut the rows into the same batches and so give the same numbers. None of them asks for a CPU: the trials may
hold every one of them, and a relabel that waited for a CPU would wait for ever. For the same reason the pool's data set
is made of blocks that exist already; reading or converting a table inside a trial starts tasks of its own.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import ray
import torch
from ray.exceptions import RayTaskError
from torch import Tensor

from ray_mtlkd.data.examples import viewed
from ray_mtlkd.data.inputs import Array
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.records import RelabelPlace
from ray_mtlkd.sweep.relabel import ranges
from ray_mtlkd.sweep.relabel.pool import by_pool
from ray_mtlkd.sweep.relabel.shared import SharedActors, UnansweredError
from ray_mtlkd.sweep.relabel.teacher import TeacherMessage
from ray_mtlkd.sweep.schema import Resources
from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.training.evaluation.evaluate import BATCH_ROWS, predict
from ray_mtlkd.training.job import RelabelRequest, SoftLabels
from ray_mtlkd.training.settings import Relabelling

LEAST_FREE_CPUS = 2
"""From so many on actors that hold none may be faster than the trial itself."""

_STARTED_S = time.process_time()
"""What this process took to start and import: what the actors of a pool take, on idle cores."""

_RANGES_AN_ACTOR = 4
"""Of those that the sweep shares: so much of a lost one's work is done again."""

_ASKED_S = 0.05
"""Where less is left than this, ``auto`` asks nobody: to send a teacher away and read its tables takes as long."""


class Relabeller:
    """Relabels for one trial.

    Args:
        settings: Where, or ``auto``.
        architecture: The trial's.
        tables: Reference to the setup's tables in the object store.
        shared: The sweep's actors; None where no trial may ask for them.
        limit_s: Without progress for so long, a pool hangs.
        waiting: Entered while others work for the trial.
    """

    def __init__(
        self,
        settings: Relabelling,
        *,
        architecture: Architecture,
        tables: Any,
        shared: SharedActors | None,
        limit_s: float = Resources.stall_s,
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._settings = settings
        self._architecture = architecture
        self._tables = tables
        self._shared = shared
        self._limit_s = limit_s
        self._waiting = waiting

    def __call__(self, request: RelabelRequest) -> SoftLabels:
        """The teacher's raw outputs for all rows that it is asked, in their order.

        Raises:
            MtlkdError: where the configuration asks for actors that the sweep does not have, or these cannot use their
                GPUs.
        """
        where, why, done = self._choose(request)
        rows = range(len(request.table.train))[len(done) * BATCH_ROWS :]
        if rows:
            ways = {"inline": self._inline, "shared": self._by_shared, "pool": self._by_pool}
            try:
                with nullcontext() if where == "inline" else self._waiting():
                    done += ways[where](request, rows)
            except UnansweredError as error:
                done += self._inline(request, rows)
                where, why = "inline", f"{where} was chosen ({why}), but {error}"
        return SoftLabels(outputs=_whole(request, done), where=where, why=why)

    def _choose(self, request: RelabelRequest) -> tuple[RelabelPlace, str, list[Tensor]]:
        """Where, why there, and what the first batches gave where they were timed for this."""
        if self._settings.where != "auto":
            return self._settings.where, "as configured", []
        count = len(request.table.train)
        first, seconds = _timed(request, range(min(count, BATCH_ROWS)))
        left = max(0, count - BATCH_ROWS)
        if request.table.train.labels.device.type != "cpu":
            return "inline", "the model is on a GPU", [first]
        if seconds * left / BATCH_ROWS <= _ASKED_S:
            return "inline", f"{seconds * left / BATCH_ROWS:.3f} s left after a batch", [first]
        # the first batch of a process may take several times as long as the others
        second, seconds = _timed(request, range(BATCH_ROWS, min(count, 2 * BATCH_ROWS)))
        left = max(0, left - BATCH_ROWS)
        costs = self._costs(seconds * left / BATCH_ROWS)
        where = min(costs, key=lambda name: costs[name])
        said = ", ".join(f"{name} {cost:.3f} s" for name, cost in costs.items())
        return where, f"estimated {said}", [first, second]

    def _costs(self, inline_s: float) -> dict[RelabelPlace, float]:
        """Seconds that each way would take for what takes the trial itself so long."""
        # while the trial waits, its own CPU is free as well
        free = 1 + ray.available_resources().get("CPU", 0.0)
        at_once = max(1.0, min(free, self._settings.pool_size))
        spread_s = inline_s / at_once
        own_s = min(_STARTED_S, inline_s / 2) if at_once > 1 else 0.0
        costs: dict[RelabelPlace, float] = {"inline": inline_s, "pool": _STARTED_S + (inline_s - own_s) / at_once}
        if self._shared is not None:
            answer_s = self._shared.answer_s(most_s=inline_s)
            costs |= {} if answer_s is None else {"shared": answer_s + spread_s}
        return costs

    @staticmethod
    def _inline(request: RelabelRequest, rows: range) -> list[Tensor]:
        return [_predict(request, rows)]

    def _by_shared(self, request: RelabelRequest, rows: range) -> list[Tensor]:
        if self._shared is None:
            raise MtlkdError("the sweep has no shared actors", where="relabel.where", fix="use inline or pool")
        references = self._references(request)
        parts = ranges.equal(rows, parts=len(self._shared.handles) * _RANGES_AN_ACTOR)
        try:
            return _back(request, self._shared.predict(references, parts))
        except RayTaskError as error:
            if isinstance(error.cause, MtlkdError):
                raise error.cause from error
            raise

    def _by_pool(self, request: RelabelRequest, rows: range) -> list[Tensor]:
        """While the actors start, the trial predicts the last rows itself: it would only wait."""
        done: list[Tensor] = []
        own, seconds = rows[:0], 0.0
        if self._predicts_as_the_pool(request):
            first, seconds = _timed(request, rows[:BATCH_ROWS])
            done.append(first)
            rows, own = ranges.split(rows[BATCH_ROWS:], batches=_STARTED_S / seconds)
        if not rows:
            return done
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="pool") as thread:
            asked = thread.submit(self._ask_pool, request, rows, batch_s=seconds)
            last = [_predict(request, own)] if own else []
            return [*done, *asked.result(), *last]

    def _ask_pool(self, request: RelabelRequest, rows: range, *, batch_s: float) -> list[Tensor]:
        settings = self._settings
        parts = ranges.guided(rows, actors=settings.pool_size, batch_s=batch_s)
        found = by_pool(
            self._references(request),
            parts,
            actors=settings.pool_size,
            gpus=settings.gpus_per_actor,
            limit_s=self._limit_s,
        )
        return _back(request, found)

    def _predicts_as_the_pool(self, request: RelabelRequest) -> bool:
        """Whether trial and pool compute on the same kind of processor: the numbers must not tell who predicted."""
        return request.table.train.labels.device.type == "cpu" and not self._settings.gpus_per_actor

    def _references(self, request: RelabelRequest) -> dict[str, Any]:
        """To the teacher and to its tables."""
        teacher = TeacherMessage(
            architecture=self._architecture,
            tasks=request.tasks,
            index=request.index,
            among=request.among,
            parameters={key: tensor.cpu().numpy() for key, tensor in request.model.state_dict().items()},
        )
        return {"teacher": ray.put(teacher), "tables": self._tables}


def _predict(request: RelabelRequest, rows: range) -> Tensor:
    return predict(request.model, request.index, request.table.train, rows)


def _timed(request: RelabelRequest, rows: range) -> tuple[Tensor, float]:
    """Raw outputs, and the seconds that they took."""
    started = time.perf_counter()
    return _predict(request, rows), time.perf_counter() - started


def _back(request: RelabelRequest, parts: Sequence[Array]) -> list[Tensor]:
    """Flat parts in the head's shape, on the model's device: views of what other processes have written."""
    task, device = request.table.task, request.table.train.labels.device
    flat = [viewed(part.reshape(-1)) for part in parts]
    return [(part if kind_of(task).is_scalar else part.view(-1, task.outputs)).to(device) for part in flat]


def _whole(request: RelabelRequest, parts: Sequence[Tensor]) -> Tensor:
    """All parts one after the other: as many outputs as there are rows or tokens."""
    outputs = parts[0] if len(parts) == 1 else torch.cat(list(parts))
    asked = request.table.train
    wanted = len(asked) if asked.offsets is None else int(asked.offsets[-1])
    if len(outputs) != wanted:
        raise RuntimeError(f"{len(outputs)} soft labels for {wanted} rows or tokens of {request.task}")
    return outputs
