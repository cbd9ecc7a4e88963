"""A finished trial's mean weights: does it take more than these, held still, to do what the trial did?"""

import difflib
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.report.load import read


@dataclass(frozen=True, kw_only=True)
class MeanWeights:
    """What each task weighed in the shared gradient, on average over a trial's training.

    Attributes:
        tasks: In the setup's order [T].
        weights: Each above 0 [T].
    """

    setup: str
    strategy: str
    trial: str
    tasks: tuple[str, ...]
    weights: tuple[float, ...]


def mean_weights(results: Sequence[str], trial: str) -> MeanWeights:
    """The mean weights of one trial of some sweeps.

    Gama and Grassi, "Uniform Loss vs. Specialized Optimization: A Comparative Analysis in Multi-Task Learning", 2025,
    arXiv:2505.10347: a balancer that only finds good constants is matched by these constants.

    Raises:
        MtlkdError: where nothing can be read, no trial has this name, it did not run to its end, or fixed weights
            cannot stand for what it did, since a task weighed 0 or less, or nothing at all.
    """
    records = read(results)
    rows = records.table.filter(pc.equal(records.table["trial"], trial)).sort_by("task_index").to_pylist()
    if not rows:
        close = difflib.get_close_matches(trial, records.table["trial"].unique().to_pylist())
        fix = f"did you mean {' or '.join(close)}?" if close else "name one as its folder below models/ is called"
        raise MtlkdError(f"there is no trial {trial!r}", where="TRIAL", fix=fix)
    first = rows[0]
    if first["status"] != "ok":
        raise MtlkdError(f"the trial is {first['status']}", where=trial, fix="name one that ran to its end")
    sweep = first["sweep"]
    curves = {row["task"]: row["curve"] for row in records.curves([trial]).to_pylist() if row["sweep"] == sweep}
    tasks = tuple(row["task"] for row in rows if row["sweep"] == sweep)
    return MeanWeights(
        setup=first["setup"],
        strategy=first["strategy"],
        trial=trial,
        tasks=tasks,
        weights=tuple(_mean(curves[task], where=f"{trial}, task {task}") for task in tasks),
    )


def _mean(curve: Sequence[dict[str, float | None]], *, where: str) -> float:
    """Of the means between evaluations at which the task took a batch."""
    known = [weight for point in curve if (weight := point["weight"]) is not None]
    if not known:
        raise MtlkdError("the task took no batch", where=where, fix="name a trial that trained every task")
    mean = statistics.fmean(known)
    if mean <= 0:
        raise MtlkdError(
            f"the mean weight is {mean:g}", where=where, fix="name a trial whose tasks all weigh more than 0 on average"
        )
    return mean
