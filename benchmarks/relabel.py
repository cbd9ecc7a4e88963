"""What it takes to relabel one table for one trial: in the trial, in shared actors, in a Ray Data pool, or ``auto``.

The trial is a Ray worker that holds one CPU and reads its tables from the object store, as in a sweep, and every other
core is idle. Wall time counts from the request to the soft labels, for a pool with its start-up; every answer is
compared with that of the trial itself. A heavy teacher, with minutes of work, shows how far a second actor helps. What
fewer numbers a soft label cost a student, and save, is measured by whole runs on ``intents``.
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import ray
import torch

from benchmarks.record import DATA, Goal, Row, machine, sampled, save
from benchmarks.soft_labels import storage_rows
from ray_mtlkd.cluster.connection import connect
from ray_mtlkd.data.device import keep_memory
from ray_mtlkd.data.examples import Examples, SetupTables, TaskTables, as_tensors
from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Array, Dense
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.sweep.relabel import Relabeller, SharedActors, start_shared
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.evaluation.evaluate import BATCH_ROWS, predict_all
from ray_mtlkd.training.job import RelabelRequest
from ray_mtlkd.training.settings import Relabelling, Where

WIDTH, CLASSES = 64, 10
LIGHT, HEAVY = Mlp(hidden=(256, 256)), Mlp(hidden=(1024, 1024, 1024))
SMALL, LARGE = 10_000, 1_000_000
GOALS: Mapping[int, Mapping[str, float]] = {SMALL: {"auto": 1.1}, LARGE: {"shared, 2 actors": 0.65}}
"""Times inline, at most, by the rows of the table."""
IDEAL = 1.1
"""A pool of two actors on the large table, at most, over its start-up and half of what inline takes."""
SPEEDUP = 1.8
"""A pool of a heavy teacher, from one actor to two, at least, where it has ``HEAVY_S`` of work."""
HEAVY_S, HEAVY_TURNS = 60.0, 2
FEW = 16 * BATCH_ROWS
"""A table that takes a pool little more than its start-up."""
ENDED_S = 1.0
"""So long after a pool its processes have ended."""
PARTS = ("storage", "light", "heavy")


@dataclass(frozen=True, kw_only=True)
class Way:
    """A setting of ``relabel``, with its number of actors (also that of the shared ones), and how often to measure.

    Attributes:
        few: Whether it is asked for ``FEW`` rows instead of the table.
    """

    where: Where
    actors: int = 2
    samples: int = 1
    few: bool = False

    @property
    def name(self) -> str:
        """As reports show it."""
        if self.where in {"inline", "auto"}:
            return self.where
        return f"{self.where}, {_count(self.actors, 'actor')}{': its start-up' if self.few else ''}"


INLINE = Way(where="inline").name
FIRST = "first pool"
"""Of a trial's process."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Wall seconds from request to soft labels, and where they were computed, with the reason."""

    seconds: float
    where: str


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument(
        "--work-s", type=float, nargs="+", default=(HEAVY_S, 3 * HEAVY_S), help="the heavy teacher's work on one core"
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds intents/ (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds: other tables, fewer samples")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    # Workers are nice by default: whatever else the machine does would stop them, and all that would be measured is it.
    os.environ.setdefault("RAY_worker_niceness", "0")
    started = machine()
    works_s = [1.0] if arguments.quick else arguments.work_s
    rows: list[Row] = []
    if "storage" in arguments.parts:
        rows += storage_rows(arguments.data, quick=arguments.quick)
    with connect() as cluster:
        cluster.wait()
        shared = {}
        for actors in (1, 2):
            begun = time.perf_counter()
            shared[actors] = start_shared(actors)
            ray.get([handle.ready.remote() for handle in shared[actors].handles])
            start_s = time.perf_counter() - begun
        rows.append(Row(case="once a sweep", what="start of two shared actors", figure=start_s, unit="s"))
        if "light" in arguments.parts:
            rows += light(shared, quick=arguments.quick)
        if "heavy" in arguments.parts:
            for work_s in works_s:
                rows += heavy(shared, work_s=work_s)
    widths = {"hidden": LIGHT.hidden, "hidden_heavy": HEAVY.hidden, "columns": WIDTH, "classes": CLASSES}
    settings = {"parts": arguments.parts, "work_s": works_s, "quick": arguments.quick, **widths}
    save("relabel", rows, settings=settings, started=started)


def light(shared: Mapping[int, SharedActors], *, quick: bool) -> Iterator[Row]:
    """Every way on a small and on a large table."""
    pool = Way(where="pool", samples=1 if quick else 8)
    start = replace(pool, few=True)
    for count in (SMALL, 2 * SMALL if quick else LARGE):
        often = 3 if quick else 60 if count == SMALL else pool.samples
        ways = [Way(where=where, samples=often) for where in ("inline", "shared", "auto")]
        answers = ask(LIGHT, count, [*ways, start, pool], shared)
        (first,) = answers.pop(FIRST)
        if count == SMALL:
            yield Row(case="once a cluster", what="the first pool", figure=first.seconds, unit="s")
            answers.pop(start.name)
            yield from report(f"{count:,} rows", answers, goals=GOALS[count])
            continue
        starts = [answer.seconds for answer in answers.pop(start.name)]
        yield Row(case="once a trial's process", what="the first pool", figure=first.seconds, unit="s")
        yield from report(f"{count:,} rows", answers, goals=GOALS.get(count, {}))
        yield sampled(f"{FEW:,} rows", start.name, starts, "s")
        inline_s = statistics.median(answer.seconds for answer in answers[INLINE])
        ideal = [start_s + inline_s / pool.actors for start_s in starts]
        over = [answer.seconds / ideal_s for answer, ideal_s in zip(answers[pool.name], ideal, strict=True)]
        note = f"start-up and 1/{pool.actors} of inline: {statistics.median(ideal):.2f} s"
        goal: Goal | None = ("at most", IDEAL) if count == LARGE else None
        yield sampled(f"{count:,} rows", pool.name, over, "x its ideal", note=note, goal=goal)


def heavy(shared: Mapping[int, SharedActors], *, work_s: float) -> Iterator[Row]:
    """One actor and two, with a teacher whose predictions take much longer than anything else."""
    row_s = row_seconds(HEAVY)
    count = rows_for(work_s, row_s=row_s)
    case = f"{count:,} rows, heavy teacher"
    yield Row(case=case, what="teacher", figure=1e3 * row_s * 256, unit="ms a 256 rows")
    places: tuple[Where, ...] = ("shared", "pool")
    ways = [
        Way(where=where, actors=actors, samples=HEAVY_TURNS if where == "pool" and work_s >= HEAVY_S else 1)
        for where in places
        for actors in (1, 2)
    ]
    answers = ask(HEAVY, count, ways, shared)
    for where in places:
        one, two = ([answer.seconds for answer in answers[way.name]] for way in ways if way.where == where)
        note = f"{statistics.median(one):.1f} s and {statistics.median(two):.1f} s"
        goal: Goal | None = ("at least", SPEEDUP) if where == "pool" and work_s >= HEAVY_S else None
        ratios = [before / after for before, after in zip(one, two, strict=True)]
        yield sampled(case, f"{where}: from one actor to two", ratios, "x faster", note=note, goal=goal)


def ask(encoder: Mlp, rows: int, ways: Sequence[Way], shared: Mapping[int, SharedActors]) -> dict[str, list[Answer]]:
    """A trial's answers by way, in turn as long as each has samples left, and that of its first pool."""
    references = [ray.put(tables(count)) for count in (rows, FEW)]
    trial = ray.remote(num_cpus=1)(AskingTrial).remote(encoder, references, shared)
    answers: dict[str, list[Answer]] = {way.name: [] for way in ways}
    for way in [way for way in ways if way.where == "pool"][:1]:
        # the first pool of a process takes longer, and that of a cluster starts the actors that Ray Data always has
        answers[FIRST] = [ray.get(trial.ask.remote(replace(way, few=True)))]
    for turn in range(max(way.samples for way in ways)):
        for way in ways if turn % 2 == 0 else reversed(ways):  # each comes after one neighbour as often as the other
            if turn < way.samples:
                answers[way.name].append(ray.get(trial.ask.remote(way)))
    ray.kill(trial)
    return answers


class AskingTrial:
    """Asks for the soft labels of its only task."""

    def __init__(self, encoder: Mlp, references: Sequence[Any], shared: Mapping[int, SharedActors]) -> None:
        torch.set_num_threads(1)
        keep_memory()  # as a trial does
        self._references = references
        self._encoder = encoder
        self._requests = [request(encoder, ray.get(reference)) for reference in references]
        self._shared = shared
        self._expected = [predict_all(asked.model, 0, asked.table.train) for asked in self._requests]

    def ask(self, way: Way) -> Answer:
        """Relabel once.

        Raises:
            RuntimeError: where the soft labels are not those that the trial computes itself.
        """
        asked = self._requests[way.few]
        desk = Relabeller(
            Relabelling(where=way.where, pool_size=way.actors),
            architecture=Architecture(encoder=self._encoder),
            tables=self._references[way.few],
            shared=self._shared[way.actors],
        )
        began = time.perf_counter()
        labels = desk(asked)
        seconds = time.perf_counter() - began
        if not torch.allclose(labels.outputs, self._expected[way.few], atol=1e-6, rtol=0):  # what relabelling promises
            raise RuntimeError(f"{way.name} gives other soft labels than the trial")
        if way.where == "pool":
            time.sleep(ENDED_S)
        return Answer(seconds=seconds, where=labels.where)


def tables(rows: int) -> SetupTables[Array]:
    """One task with random rows to train on; its other tables are of no use here."""
    rng = np.random.default_rng(0)
    task = Task(
        name="heard", kind="multiclass", metric="accuracy", classes=tuple(f"c{number}" for number in range(CLASSES))
    )

    def split(count: int) -> Examples[Array]:
        inputs = Dense(rng.standard_normal((count, WIDTH), dtype=np.float32), np.zeros((count, 0), np.int64))
        return Examples(inputs, rng.integers(0, CLASSES, count), np.arange(count))

    layout = Layout(form="Dense", width=WIDTH)
    only = TaskTables(task, layout, split(rows), split(1), split(1), trivial_valid=0.0, trivial_test=0.0)
    return SetupTables("relabel", (only,), f"{rows} rows")


def request(encoder: Mlp, setup: SetupTables[Array]) -> RelabelRequest:
    """What a run asks for when its only task converges: the teacher is as it was built."""
    (table,) = as_tensors(setup).tasks
    torch.manual_seed(0)
    tasks = ((table.task, table.layout),)
    model = build(Architecture(encoder=encoder), tasks)
    return RelabelRequest(task=table.task.name, model=model.eval(), index=0, table=table, tasks=tasks)


def row_seconds(encoder: Mlp) -> float:
    """Seconds that the teacher takes for a row, on one core: the least over a few batches."""
    asked = request(encoder, tables(BATCH_ROWS))
    seconds = []
    for _ in range(6):
        began = time.perf_counter()
        predict_all(asked.model, 0, asked.table.train)
        seconds.append(time.perf_counter() - began)
    return min(seconds) / BATCH_ROWS


def rows_for(seconds: float, *, row_s: float) -> int:
    """Rows that keep one core busy for so long, in whole batches."""
    return max(1, round(seconds / row_s / BATCH_ROWS)) * BATCH_ROWS


def report(case: str, answers: Mapping[str, Sequence[Answer]], *, goals: Mapping[str, float]) -> Iterator[Row]:
    """Every way's seconds, their ratio to those of the trial itself, and what ``auto`` chose."""
    inline = statistics.median(answer.seconds for answer in answers[INLINE])
    for name, found in answers.items():
        if name == FIRST:
            continue
        yield sampled(case, name, [answer.seconds for answer in found], "s")
        if name == INLINE:
            continue
        ratio = sampled(case, name, [answer.seconds / inline for answer in found], "x inline")
        if name in goals:
            ratio = replace(ratio, goal=("at most", goals[name]))
        if name == "auto":
            chosen = sorted({answer.where.partition(":")[0] for answer in found})
            ratio = replace(ratio, note=f"chose {' and '.join(chosen)}; {found[-1].where}")
        yield ratio


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


if __name__ == "__main__":
    main()
