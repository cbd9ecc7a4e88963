"""The tables of a report's page, as Markdown."""

import numpy as np

from ray_mtlkd.report import text
from ray_mtlkd.report.classical import Classical, models, row
from ray_mtlkd.report.gains import common
from ray_mtlkd.report.quantities import QUANTITIES
from ray_mtlkd.report.runs import Runs, Setup
from ray_mtlkd.report.statistics import Floats, estimate
from ray_mtlkd.report.summary import REFERENCES, Cell, Summary
from ray_mtlkd.report.warnings import footnote


def gains(summary: Summary, setup: str) -> str:
    """Every strategy's gain over the three references, seeds won, and mean rank; a line on what is marked."""
    best = summary.best_baselines.get(setup)
    over = "over the best baseline" + ("" if best is None else f", {text.code(best)}")
    header = ["strategy", "role", over, "seeds won", "over `sum`", "over single-task", "mean rank"]
    rows = []
    for strategy in summary.strategies[setup]:
        mark = summary.mark(setup, strategy.name)
        cells = {reference: summary.cells[setup, strategy.name, reference] for reference in REFERENCES}
        rows.append(
            [
                text.code(strategy.name),
                strategy.role,
                cell(cells["best_baseline"], mark=mark),
                _won(cells["best_baseline"]),
                cell(cells["sum"], mark=mark),
                cell(cells["single_task"], mark=mark),
                text.number(summary.ranks.get((setup, strategy.name), np.nan), 1),
            ]
        )
    said = footnote(summary.unfinished[setup])
    return text.table(header, rows, words=["role"]) + (f"\n\n{said}." if said else "")


def cell(shown: Cell, *, digits: int = 2, mark: str = "") -> str:
    """One gain: the number, its interval, the mark, and whether a difference is shown."""
    if shown.estimate is None:
        return {"self": text.NOTHING, "undefined": "undefined"}.get(shown.state, "no shared seed")
    judgement = f" {text.NO_DIFFERENCE}" if shown.estimate.difference == "not shown" else ""
    return text.gain(shown.estimate, digits) + (mark and f" {mark}") + judgement


def metrics(setup: Setup, classical: Classical) -> str:
    """Test metric of every task at the checkpoint, mean ± standard deviation over seeds, and the peak in brackets.

    The last row is that of the classical models, where there are some.
    """
    arrows = {1: "↑", -1: "↓"}
    header = ["strategy", "seeds", *(f"{task.name}<br>{task.metric} {arrows[task.sign]}" for task in setup.tasks)]
    rows = []
    for runs in setup.runs:
        test, peak = runs.per_task["test"], runs.per_task["test_peak"]
        cells = [_metric(test[:, at], peak[:, at]) for at in range(len(setup.tasks))]
        rows.append([text.code(runs.strategy.name), str(len(runs.keys)), *cells])
    last = row(setup, classical)
    said = models(setup, classical)
    return text.table(header, [*rows, *([] if last is None else [last])]) + (f"\n\n{said}" if said else "")


def transfer(setup: Setup) -> str:
    """Tasks on which a strategy is below single-task on test, on the seeds that both have."""
    single = next((runs for runs in setup.runs if runs.strategy.role == "reference" and runs.keys), None)
    if single is None:
        return "No `single_task` trial finished, so negative transfer is not known."
    rows = []
    for runs in setup.runs:
        if runs is single:
            continue
        ours, theirs = common(runs.keys, single.keys)
        if not ours:
            rows.append([text.code(runs.strategy.name), text.NOTHING, "no shared seed"])
            continue
        change = setup.signs * (runs.per_task["test"][ours] - single.per_task["test"][theirs])
        below = [at for at in range(len(setup.tasks)) if change[:, at].mean() < 0]
        shown = [f"{setup.tasks[at].name}{_mark(change[:, at])}" for at in below]
        rows.append([text.code(runs.strategy.name), f"{len(below)} of {len(setup.tasks)}", text.listed(shown)])
    return text.table(["strategy", "tasks below single-task", "which"], rows, words=["which"])


def retention(setup: Setup) -> str:
    """How much of their teachers' metrics converged tasks retain."""
    header = ["strategy", "median retention", "converged tasks", "lowest task"]
    return text.table(header, [[text.code(runs.strategy.name), *_retention(setup, runs)] for runs in setup.runs])


def quantities(setup: Setup) -> str:
    """Every quantity of every strategy."""
    header = ["strategy", *(quantity.title for quantity in QUANTITIES)]
    rows = [
        [text.code(runs.strategy.name), *(quantity.cell(runs, setup) for quantity in QUANTITIES)] for runs in setup.runs
    ]
    return text.table(header, rows)


def _won(shown: Cell) -> str:
    if shown.estimate is None or np.isnan(shown.estimate.won):
        return text.NOTHING
    return f"{round(shown.estimate.won * shown.estimate.seeds)} of {shown.estimate.seeds}"


def _metric(test: Floats, peak: Floats) -> str:
    if not len(test):
        return text.NOTHING
    spread = f" ± {text.number(float(test.std(ddof=1)))}" if len(test) > 1 else ""
    return f"{text.number(float(test.mean()))}{spread} ({text.number(float(peak.mean()))})"


def _mark(change: Floats) -> str:
    """A star where the loss is shown, not luck."""
    return "*" if np.isfinite(change).all() and estimate(change).difference == "worse" else ""


def _retention(setup: Setup, runs: Runs) -> tuple[str, str, str]:
    """Median over converged tasks and seeds, how many these are of all, and the task with the lowest median.

    Inverted where a lower metric is better.

    A mean would be ruled by tasks that converged too early, whose metric is a multiple of their teacher's.
    """
    kept = _inverted(runs.per_task["retention"], setup.signs)
    converged = f"{np.isfinite(runs.per_task['retention']).sum()} of {kept.size}"
    medians = {task.name: _median(kept[:, at]) for at, task in enumerate(setup.tasks)}
    known = {name: median for name, median in medians.items() if np.isfinite(median)}
    if not known:
        return text.NOTHING, converged, text.NOTHING
    lowest = min(known, key=lambda name: known[name])
    return text.number(_median(kept)), converged, f"{lowest} {text.number(known[lowest])}"


def _median(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")


def _inverted(values: Floats, signs: Floats) -> Floats:
    """``values`` [N, T], and one over them where the sign is negative (NaN where that is a division by zero)."""
    whole = np.where(values == 0, np.nan, values)
    found: Floats = np.where(signs < 0, 1 / whole, values)
    return found
