"""What to ship, in words, with the numbers that decided."""

from collections.abc import Sequence
from dataclasses import dataclass

from ray_mtlkd.report import text
from ray_mtlkd.report.classical import Classical, against
from ray_mtlkd.report.headroom import advised
from ray_mtlkd.report.model_to_take import ModelFolders, best_models
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.summary import Cell, Reference, Summary
from ray_mtlkd.report.verdict import Verdict, better_than_sum, decide, difference


@dataclass(frozen=True, kw_only=True)
class Advice:
    """The recommendation.

    Attributes:
        chosen: The multitask strategy with the best mean validation score; None where none finished in every setup.
        ship: What to ship: ``chosen``, something simpler, or ``single_task``'s name; None likewise.
        said: A paragraph of Markdown, and with several setups a list of what each would ship by itself.
    """

    chosen: str | None
    ship: str | None
    said: str


def advise(setups: Sequence[Setup], summary: Summary, classical: Classical, folders: ModelFolders) -> Advice:
    """The strategy to ship, why, whether classical models are better, what there is to hold, where its models lie."""
    verdict = decide(setups, summary)
    if verdict is None:
        said = "**Nothing to ship yet.** No multitask strategy has a finished replicate trial in every setup."
        return Advice(chosen=None, ship=None, said=said)
    parts = [f"**Ship {text.code(verdict.ship)}.**"]
    if verdict.single is not None:
        parts = [f"**Train one model a task ({text.code(verdict.single)}): multitask training does not pay here.**"]
    if all(len(runs.keys) <= 1 for setup in setups for runs in setup.runs):
        parts.insert(0, "**Too little evidence: one seed, no interval.**")
    parts.extend(_reasons(verdict, setups, summary))
    if verdict.single is None:
        parts.extend(_beside(verdict, summary, said=" ".join(parts)))
    said = " ".join(parts)
    compared = against(verdict.ship, setups, classical)
    to_hold = advised(setups[0]) if len(setups) == 1 else ""
    blocks = [block for block in (said, compared, to_hold, best_models(verdict.ship, setups, folders)) if block]
    if len(setups) > 1:
        alone = (_alone(setup, summary, classical, folders, besides=verdict.ship) for setup in setups)
        blocks += ["Per setup:", "\n".join(alone)]
    said = "\n\n".join(blocks)
    return Advice(chosen=verdict.chosen, ship=verdict.ship, said=said)


def _reasons(verdict: Verdict, setups: Sequence[Setup], summary: Summary) -> list[str]:
    """The steps of the rule, each with its number."""
    said = [_why_chosen(verdict, setups), *_unfinished(verdict, summary), _against_best(verdict, setups, summary)]
    shown_better = difference(summary.cells[verdict.where, verdict.chosen, "best_baseline"]) == "better"
    if not shown_better and verdict.baseline not in (None, "sum") and "sum" in verdict.scores:
        said.append(_against_sum(verdict, summary))
    if verdict.simplest != verdict.chosen:
        ship, chosen = text.code(verdict.simplest), text.code(verdict.chosen)
        several = len({summary.best_baselines[setup.name] for setup in setups}) > 1
        if several and verdict.simplest == verdict.baseline:
            said.append(f"{ship} is the baseline with the best mean validation score.")
        else:
            said.append(f"So {ship} is the simplest strategy that is not shown to be worse than {chosen}.")
    if verdict.single is not None:
        said.append(
            f"On average over seeds no multitask strategy reaches {text.code(verdict.single)}, and "
            f"{text.code(verdict.simplest)} is shown to be worse: {_gain(verdict, summary, 'single_task')}."
        )
    return said


def _why_chosen(verdict: Verdict, setups: Sequence[Setup]) -> str:
    every = {key for setup in setups for runs in setup.runs for key in runs.keys}
    over = f"{len(every)} seed{'s' * (len(every) > 1)}"
    over += f" and {len(setups)} setups" if len(setups) > 1 else ""
    out = f" (left out, without a finished trial in some setup: {text.listed(map(text.code, verdict.left_out))})"
    return (
        f"{text.code(verdict.chosen)} has the best mean validation score of {len(verdict.scores)} multitask strategies "
        f"over {over}: {verdict.scores[verdict.chosen]:.4f}{out if verdict.left_out else ''}."
    )


def _unfinished(verdict: Verdict, summary: Summary) -> list[str]:
    return [
        f"In {each.trials} of its {each.of} trials the budget ended before {', '.join(each.tasks)} had trained."
        for each in summary.unfinished[verdict.where]
        if each.strategy == verdict.chosen
    ]


def _against_best(verdict: Verdict, setups: Sequence[Setup], summary: Summary) -> str:
    cell = summary.cells[verdict.where, verdict.chosen, "best_baseline"]
    if cell.state == "self":
        return "It is itself the best baseline."
    if cell.estimate is None:
        return f"Its test gain over the best baseline is {cell.state}."
    chosen, best = text.code(verdict.chosen), _best(setups, summary)
    if cell.estimate.difference != "not shown":
        return f"On test it is {cell.estimate.difference} than the best baseline ({best}): {_printed(cell)}."
    why = "" if cell.estimate.low is not None else "; there is no interval: run more seeds"
    return (
        f"On test, the best baseline ({best}) is not shown to be worse than {chosen} "
        f"({chosen} over it: {_printed(cell)}{why})."
    )


def _best(setups: Sequence[Setup], summary: Summary) -> str:
    found = {setup.name: text.code(summary.best_baselines[setup.name] or "none") for setup in setups}
    names = set(found.values())
    return names.pop() if len(names) == 1 else "; ".join(f"{best} in {name}" for name, best in found.items())


def _against_sum(verdict: Verdict, summary: Summary) -> str:
    """Whether `sum` is as good as the chosen strategy and the best baseline."""
    contenders = tuple(dict.fromkeys(name for name in (verdict.chosen, verdict.baseline) if name not in (None, "sum")))
    better = better_than_sum(summary, verdict.where, [name for name in contenders if name is not None])
    cited = better or contenders
    told = [
        f"{text.code(name)} ({_over(name, summary.cells[verdict.where, name, 'sum'], against='sum')})"
        for name in cited
        if name is not None
    ]
    if better:
        return f"`sum` would be simpler, but is shown to be worse than {' and than '.join(told)}."
    return f"On test, `sum` is not shown to be worse than {' nor than '.join(told)}."


def _beside(verdict: Verdict, summary: Summary, *, said: str) -> list[str]:
    """The gains of what is shipped over the other references, where they do not stand there already."""
    found = []
    references: tuple[tuple[Reference, str], ...] = (("sum", "sum"), ("single_task", "one model a task"))
    for reference, name in references:
        cell = summary.cells[verdict.where, verdict.ship, reference]
        told = _over(verdict.ship, cell, against=name)
        if cell.estimate is not None and told not in said:
            shown = {"better": "a gain", "worse": "a loss", "not shown": text.NO_DIFFERENCE}[cell.estimate.difference]
            found.append(f"{told}, {shown}.")
    return found


def _alone(setup: Setup, summary: Summary, classical: Classical, folders: ModelFolders, *, besides: str) -> str:
    """What the same rule says of one setup, as an item of a list; what it says of ``besides`` stands above it."""
    verdict = decide([setup], summary)
    if verdict is None:
        return f"- {setup.name}: nothing to ship yet."
    found = [f"- {setup.name}: ship {text.code(verdict.ship)}.", *_reasons(verdict, [setup], summary)]
    found.append(advised(setup))
    if verdict.ship != besides:
        found += [against(verdict.ship, [setup], classical), best_models(verdict.ship, [setup], folders)]
    return " ".join(part for part in found if part)


def _over(strategy: str, cell: Cell, *, against: str) -> str:
    return f"{text.code(strategy)} over {text.code(against) if against == 'sum' else against}: {_printed(cell)}"


def _gain(verdict: Verdict, summary: Summary, reference: Reference) -> str:
    return _printed(summary.cells[verdict.where, verdict.simplest, reference])


def _printed(cell: Cell) -> str:
    return cell.state if cell.estimate is None else f"{text.gain(cell.estimate)} %"
