"""The page's tables of each setup by itself, as Markdown."""

from collections.abc import Collection

import numpy as np

from ray_mtlkd.report import text
from ray_mtlkd.report.classical import Classical, models, row
from ray_mtlkd.report.gains import changes
from ray_mtlkd.report.quantities import QUANTITIES
from ray_mtlkd.report.runs import Runs, Setup
from ray_mtlkd.report.statistics import Floats, estimate
from ray_mtlkd.report.warnings import MARK


def metrics(setup: Setup, classical: Classical) -> str:
    """Test metric of every task at the checkpoint, mean ± standard deviation over seeds, and the peak in brackets.

    The last row is that of the classical models, where there are some.
    """
    arrows = {1: "↑", -1: "↓"}
    header = [
        "strategy",
        "seeds",
        *(f"{text.plain(task.name)}<br>{text.plain(task.metric)} {arrows[task.sign]}" for task in setup.tasks),
    ]
    rows = []
    for runs in setup.runs:
        test, peak = (runs.over_configurations(runs.per_task[name]) for name in ("test", "test_peak"))
        cells = [_metric(test[:, at], peak[:, at]) for at in range(len(setup.tasks))]
        rows.append([text.code(runs.strategy.name), str(len(runs.seeds)), *cells])
    last = row(setup, classical)
    said = models(setup, classical)
    return text.table(header, [*rows, *([] if last is None else [last])]) + (f"\n\n{said}" if said else "")


def transfer(setup: Setup, single_task: str | None) -> str:
    """Tasks on which a strategy is below one model a task on test, on the seeds that both have.

    Args:
        single_task: The strategy that trains one model a task; None where none does.
    """
    single = None if single_task is None else setup.of(single_task)
    if single is None:
        return "No `single_task` trial finished, so negative transfer is not known."
    others = [runs for runs in setup.runs if runs is not single]
    rows = []
    for runs in others:
        change = changes(runs, single, setup=setup)
        if not len(change):
            rows.append([text.code(runs.strategy.name), text.NOTHING, "no shared seed"])
            continue
        below = [at for at in range(len(setup.tasks)) if change[:, at].mean() < 0]
        out = {task for names in runs.untrained for task in names}
        family = len(others) * len(setup.tasks)
        shown = [_below(setup.tasks[at].name, change[:, at], out=out, family=family) for at in below]
        rows.append([text.code(runs.strategy.name), f"{len(below)} of {len(setup.tasks)}", text.listed(shown)])
    return text.table(["strategy", "tasks below single-task", "which"], rows, words=["which"])


def retention(setup: Setup) -> str:
    """How much of their teachers' metrics converged tasks retain."""
    header = ["strategy", "median retention", "converged tasks", "lowest task"]
    return text.table(header, [[text.code(runs.strategy.name), *_retention(setup, runs)] for runs in setup.runs])


def quantities(setup: Setup) -> str:
    """Every quantity of every strategy, but those that no strategy has or that only repeat another."""
    cells = {quantity.name: [quantity.cell(runs, setup) for runs in setup.runs] for quantity in QUANTITIES}
    nothing = [text.NOTHING] * len(setup.runs)
    shown = [each for each in QUANTITIES if cells[each.name] not in (nothing, cells.get(each.beside))]
    columns = [[text.code(runs.strategy.name) for runs in setup.runs], *(cells[each.name] for each in shown)]
    return text.table(["strategy", *(each.title for each in shown)], zip(*columns, strict=True))


def _metric(test: Floats, peak: Floats) -> str:
    if not len(test):
        return text.NOTHING
    spread = f" ± {text.number(float(test.std(ddof=1)))}" if len(test) > 1 else ""
    return f"{text.number(float(test.mean()))}{spread} ({text.number(float(peak.mean()))})"


def _below(task: str, change: Floats, *, out: Collection[str], family: int) -> str:
    """A task's name: with the mark where it did not train, with a star where the loss is shown, not luck."""
    name = text.plain(task)
    if task in out:
        return f"{name}{MARK}"
    found = estimate(change, family=family) if np.isfinite(change).all() else None
    return f"{name}\\*" if found is not None and found.difference == "worse" else name


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
    return text.number(_median(kept)), converged, f"{text.plain(lowest)} {text.number(known[lowest])}"


def _median(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")


def _inverted(values: Floats, signs: Floats) -> Floats:
    """``values`` [N, T], and one over them where the sign is negative (NaN where that is a division by zero)."""
    whole = np.where(values == 0, np.nan, values)
    found: Floats = np.where(signs < 0, 1 / whole, values)
    return found
