"""What to ship: chosen on validation, judged on test, and the simplest where no difference is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_mtlkd.report import text
from ray_mtlkd.report.runs import Setup, Strategy
from ray_mtlkd.report.statistics import Difference
from ray_mtlkd.report.summary import Cell, Reference, Summary


@dataclass(frozen=True, kw_only=True)
class Advice:
    """The recommendation.

    Attributes:
        chosen: The multitask strategy with the best mean validation score; None where none finished in every setup.
        ship: What to ship: ``chosen``, something simpler, or ``single_task``'s name; None likewise.
        said: One paragraph of Markdown.
    """

    chosen: str | None
    ship: str | None
    said: str


def advise(setups: Sequence[Setup], summary: Summary) -> Advice:
    """The strategy to ship, and why."""
    scores = _scores(setups, summary)
    if not scores:
        said = "**Nothing to ship yet.** No multitask strategy has a finished replicate trial in every setup."
        return Advice(chosen=None, ship=None, said=said)
    chosen = max(scores, key=lambda name: scores[name])
    simplest = _simplest(chosen, setups, summary, scores)
    parts = [_why_chosen(chosen, scores, setups, summary), _against_best(chosen, summary)]
    single = _single_task(simplest, summary)
    if single is not None:
        head = f"**Train one model a task ({text.code(single)}): multitask training does not pay here.**"
        parts.append(
            f"On average over seeds no multitask strategy reaches {text.code(single)}, and "
            f"{text.code(simplest)} is shown to be worse: {_printed(_cell(summary, simplest, 'single_task'))}."
        )
        return Advice(chosen=chosen, ship=single, said=" ".join((head, *parts)))
    if simplest != chosen:
        parts.append(f"{text.code(simplest)} is the simplest of the strategies that are not shown to be worse.")
    parts.extend(_beside(simplest, summary))
    parts.extend(_alone(setup, summary) for setup in setups if len(setups) > 1)
    return Advice(chosen=chosen, ship=simplest, said=" ".join((f"**Ship {text.code(simplest)}.**", *parts)))


def _scores(setups: Sequence[Setup], summary: Summary) -> dict[str, float]:
    """Mean validation score over seeds, then setups, of the multitask strategies that finished in every setup."""
    means: dict[str, float] = {}
    for strategy in _multitask(summary):
        runs = [setup.of(strategy.name) for setup in setups]
        found = [float(each.per_trial["score"].mean()) for each in runs if each is not None]
        if len(found) == len(setups):
            means[strategy.name] = float(np.mean(found))
    return means


def _multitask(summary: Summary) -> list[Strategy]:
    return [each for each in summary.strategies[summary.total] if each.role != "reference"]


def _simplest(chosen: str, setups: Sequence[Setup], summary: Summary, scores: Mapping[str, float]) -> str:
    """``chosen`` where it is shown to be better than the best baseline, else ``sum`` or the best baseline."""
    if _difference(summary, chosen, "best_baseline") == "better":
        return chosen
    baselines = [each.name for each in _multitask(summary) if each.role == "baseline" and each.name in scores]
    best = {summary.best_baselines[setup.name] for setup in setups}
    names = [name for name in baselines if best == {name}] or baselines
    if not names:
        return chosen
    baseline = max(names, key=lambda name: scores[name])
    contenders = {chosen, baseline}
    if "sum" in scores and all(_difference(summary, name, "sum") != "better" for name in contenders):
        return "sum"
    return baseline


def _single_task(ship: str, summary: Summary) -> str | None:
    """The reference's name, where it is better than every multitask strategy and shown to beat ``ship``."""
    cells = [_cell(summary, strategy.name, "single_task") for strategy in _multitask(summary)]
    means = [cell.estimate.mean for cell in cells if cell.estimate is not None]
    if not means or max(means) >= 0 or _difference(summary, ship, "single_task") != "worse":
        return None
    return next(each.name for each in summary.strategies[summary.total] if each.role == "reference")


def _why_chosen(chosen: str, scores: Mapping[str, float], setups: Sequence[Setup], summary: Summary) -> str:
    every = {key for setup in setups for runs in setup.runs for key in runs.keys}
    over = f"{len(every)} seed{'s' * (len(every) > 1)}"
    over += f" and {len(setups)} setups" if len(setups) > 1 else ""
    left_out = [strategy.name for strategy in _multitask(summary) if strategy.name not in scores]
    out = f" (left out, without a finished trial in some setup: {text.listed(map(text.code, left_out))})"
    return (
        f"{text.code(chosen)} has the best mean validation score of {len(scores)} multitask strategies over {over}: "
        f"{scores[chosen]:.4f}{out if left_out else ''}."
    )


def _against_best(chosen: str, summary: Summary) -> str:
    baselines = {name: text.code(best) for name, best in summary.best_baselines.items() if best is not None}
    names = set(baselines.values())
    shown = names.pop() if len(names) == 1 else "; ".join(f"{best} in {name}" for name, best in baselines.items())
    cell = _cell(summary, chosen, "best_baseline")
    if cell.state == "self":
        return "It is itself the best baseline."
    if cell.estimate is None:
        return f"Its test gain over the best baseline is {cell.state}."
    if cell.estimate.difference != "not shown":
        return f"On test it is {cell.estimate.difference} than the best baseline ({shown}): {_printed(cell)}."
    why = "" if cell.estimate.low is not None else " (there is no interval: run more seeds)"
    return f"On test no difference over the best baseline ({shown}) is shown: {_printed(cell)}{why}."


def _beside(ship: str, summary: Summary) -> list[str]:
    """The gains of what is shipped over the other references."""
    said = []
    for reference, name in (("sum", text.code("sum")), ("single_task", "one model a task")):
        cell = _cell(summary, ship, reference)  # type: ignore[arg-type]
        if cell.estimate is not None:
            shown = {"better": "a gain", "worse": "a loss", "not shown": text.NO_DIFFERENCE}[cell.estimate.difference]
            said.append(f"{text.code(ship)} against {name}: {_printed(cell)}, {shown}.")
    return said


def _alone(setup: Setup, summary: Summary) -> str:
    """Which strategy one of several setups would choose for itself."""
    finished = [runs for runs in setup.runs if runs.strategy.role != "reference" and runs.keys]
    best = max(finished, key=lambda runs: float(runs.per_trial["score"].mean())).strategy.name
    cell = summary.cells[setup.name, best, "best_baseline"]
    if cell.estimate is None:
        judged = "its best baseline" if cell.state == "self" else f"gain over the best baseline {cell.state}"
    else:
        shown = f", {text.NO_DIFFERENCE}" if cell.estimate.difference == "not shown" else ""
        judged = f"{_printed(cell)} over {text.code(cell.against)}{shown}"
    return f"{setup.name} alone would choose {text.code(best)} ({judged})."


def _printed(cell: Cell) -> str:
    return text.NOTHING if cell.estimate is None else f"{text.gain(cell.estimate)} %"


def _cell(summary: Summary, strategy: str, reference: Reference) -> Cell:
    return summary.cells[summary.total, strategy, reference]


def _difference(summary: Summary, strategy: str, reference: Reference) -> Difference:
    estimate = _cell(summary, strategy, reference).estimate
    return "not shown" if estimate is None else estimate.difference
