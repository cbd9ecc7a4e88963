"""What to ship, in words, with the numbers that decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ray_mtlkd.report import next_seeds, text
from ray_mtlkd.report.classical import Classical, against
from ray_mtlkd.report.comparison import Contrast
from ray_mtlkd.report.headroom import advised
from ray_mtlkd.report.model_to_take import ModelFolders, best_models, said_models
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.section import RowVariances, Section
from ray_mtlkd.report.summary import Cell, Reference, Summary
from ray_mtlkd.report.verdict import MOST_SEEDS, Verdict, decide, fragile, more_seeds, seeds_would_tell

_LIKELY = 0.01
"""Chances below are not told one by one."""


@dataclass(frozen=True, kw_only=True)
class Advice:
    """The recommendation.

    Attributes:
        chosen: The multitask strategy with the best mean skill on validation; None where none can be compared.
        ship: What to ship; None where that cannot be told yet.
        simplest: The simplest strategy that may be the best; None where none can be compared.
        said: A paragraph of Markdown, and with several setups a list of what each would ship by itself.
        models: Folder of what is shipped, or of the simplest until then, by setup: as far as they were kept.
    """

    chosen: str | None
    ship: str | None
    simplest: str | None
    said: str
    models: Mapping[str, str] = field(default_factory=dict)


def advise(
    setups: Sequence[Setup],
    summary: Summary,
    classical: Classical,
    folders: ModelFolders,
    *,
    rows: RowVariances | None = None,
    results: Sequence[str] = (),
) -> Advice:
    """The strategy to ship or what is missing to tell, why, what classical models reach, and where its models lie."""
    found = summary.parts[summary.total]
    verdict = decide(found)
    if verdict is None:
        said = "**Nothing to ship yet.** No multitask strategy has finished, with every task trained, in every setup."
        return Advice(chosen=None, ship=None, simplest=None, said=said)
    taken = verdict.ship or verdict.simplest
    more = None if verdict.ship else more_seeds(found, verdict)
    chances = found.comparison.best(verdict.contenders)
    parts = [_headline(verdict, found, chances, more), *_reasons(verdict, found, setups, chances)]
    parts.extend(_beside(verdict, summary, said=" ".join(parts)))
    parts.append(_robust(verdict, found, setups, rows))
    said = " ".join(part for part in parts if part)
    compared = against(taken, setups, classical)
    to_hold = advised(setups[0]) if len(setups) == 1 else ""
    how = "" if more is None else next_seeds.said(more, setups, results)
    blocks = [block for block in (said, how, compared, to_hold, said_models(taken, setups, folders)) if block]
    if len(setups) > 1:
        alone = (_alone(setup, summary, classical, folders, besides=taken, rows=rows) for setup in setups)
        blocks += ["Per setup:", "\n".join(alone)]
    return Advice(
        chosen=verdict.chosen,
        ship=verdict.ship,
        simplest=verdict.simplest,
        said="\n\n".join(blocks),
        models=best_models(taken, setups, folders),
    )


def _headline(verdict: Verdict, found: Section, chances: Mapping[str, float], more: int | None) -> str:
    if verdict.single is not None:
        return f"**Train one model a task ({text.code(verdict.single)}): multitask training does not pay here.**"
    if len(verdict.scores) == 1:
        only = text.code(verdict.chosen)
        return f"**Nothing is claimed: {only} is the only multitask strategy that can be compared here.**"
    if verdict.ship is not None:
        return f"**Ship {text.code(verdict.ship)}.**"
    likely = max(chances, key=lambda name: chances[name], default=verdict.chosen)
    plain = text.code(verdict.simplest)
    until = (
        plain if likely == verdict.simplest else f"{text.code(likely)} is most likely the best, {plain} the simplest"
    )
    return f"**Not told yet: {_missing(found, verdict, more)}.** Until then{':' * (until == plain)} {until}."


def _missing(found: Section, verdict: Verdict, more: int | None) -> str:
    """What would close the verdict: so many seeds, or something else where no number of them would."""
    if more is not None:
        return f"run {more} more seed{'s' * (more > 1)}"
    if seeds_would_tell(found, verdict):
        return f"more than {MOST_SEEDS} seeds would be needed"
    rest = {name: float(found.comparison.variances[name].sum()) for name in ("configurations", "rows")}
    what = {"configurations": "search more configurations", "rows": "measure on more test rows"}
    return f"more seeds alone will not do, {what[max(rest, key=lambda name: rest[name])]}"


def _reasons(verdict: Verdict, found: Section, setups: Sequence[Setup], chances: Mapping[str, float]) -> list[str]:
    """The steps of the rule, each with its number."""
    said = [_why_chosen(verdict, setups), _left_out(found), _may_be_best(verdict, chances)]
    simplest, margin = text.code(verdict.simplest), found.comparison.margin
    if verdict.open:
        name = max(verdict.open, key=lambda name: (chances.get(name, 0.0), verdict.scores[name]))
        others = f" and {len(verdict.open) - 1} more" if len(verdict.open) > 1 else ""
        said.append(
            f"{simplest} is the simplest of them, but not shown to be at most {margin:g} points below "
            f"{text.code(name)} ({_printed(found.comparison.contrast(verdict.simplest, name))}){others}."
        )
    elif len(verdict.contenders) > 1:
        said.append(f"{simplest} is the simplest of them, and shown to be at most {margin:g} points below the others.")
    if verdict.single is not None:
        contrast = found.comparison.contrast(verdict.single, verdict.simplest)
        single = text.code(verdict.single)
        said.append(f"{single} is shown to be better than each of them: {_printed(contrast)} over {simplest}.")
    return [part for part in said if part]


def _why_chosen(verdict: Verdict, setups: Sequence[Setup]) -> str:
    count = max(len(setup.seeds) for setup in setups)
    over = f"{count} seed{'s' * (count > 1)}" + (f" and {len(setups)} setups" if len(setups) > 1 else "")
    if len(verdict.scores) == 1:
        return f"Its mean skill on validation over {over}: {verdict.scores[verdict.chosen]:.2f} points."
    said = (
        f"{text.code(verdict.chosen)} has the best mean skill on validation of {len(verdict.scores)} multitask "
        f"strategies over {over}: {verdict.scores[verdict.chosen]:.2f} points."
    )
    if count == 1 or verdict.elected_gain is None or set(verdict.elected) == {"sum"}:
        return said
    names = ", ".join(f"{text.code(name)} on {times}" for name, times in verdict.elected.most_common())
    return (
        f"{said} Chosen on the other seeds and judged on the one left out ({names}), it gains "
        f"{verdict.elected_gain:+.2f} points over `sum` on test."
    )


def _left_out(found: Section) -> str:
    why = {
        "budget": "not comparable, since the budget ended before all tasks had trained",
        "undefined": "not comparable, since a metric is missing",
        "missing": "left out, without a finished trial in some setup",
    }
    told = []
    for reason, words in why.items():
        names = [text.code(name) for name, found_reason in found.left_out.items() if found_reason == reason]
        told += [f"{text.listed(names)} ({words})"] if names else []
    return f"Not among them: {'; '.join(told)}." if told else ""


def _may_be_best(verdict: Verdict, chances: Mapping[str, float]) -> str:
    if len(verdict.contenders) == 1:
        return "On test each other one is shown to be worse than some strategy." if len(verdict.scores) > 1 else ""
    order = sorted(verdict.contenders, key=lambda name: -chances.get(name, 0.0))
    likely = [name for name in order if not chances or chances[name] >= _LIKELY]
    said = [text.code(name) + (f" ({100 * chances[name]:.0f} %)" if chances else "") for name in likely]
    rest = [text.code(name) for name in order if name not in likely]
    less = f"; below {100 * _LIKELY:.0f} %: {', '.join(rest)}" if rest else ""
    with_chance = ", with the chance to be it" if chances else ""
    return f"On test {len(order)} of them may be the best{with_chance}: {', '.join(said)}{less}."


def _beside(verdict: Verdict, summary: Summary, *, said: str) -> list[str]:
    """What is shipped, or the simplest, over the other references, where that does not stand there already."""
    found = []
    single = summary.parts[verdict.where].who("single_task")
    which = f" ({text.code(single)})" if single else ""
    references: tuple[tuple[Reference, str], ...] = (("sum", "`sum`"), ("single_task", f"one model a task{which}"))
    taken = verdict.ship or verdict.simplest
    for reference, name in references:
        cell = summary.cells[verdict.where, taken, reference]
        if cell.skill is not None and _printed(cell.skill) not in said and verdict.single is None:
            shown = {"better": "a gain", "worse": "a loss"}.get(cell.skill.finding, cell.skill.finding)
            found.append(f"{text.code(taken)} over {name}: {_printed(cell.skill)}, {shown}{_mostly(cell)}.")
    return found


def _mostly(cell: Cell) -> str:
    """The relative gain, and the task whose it mostly is, where it is one's."""
    largest = text.main_task(cell.gain, cell.by_task)
    return f" (relative gain {cell.gain.mean:+.2f} %, {largest})" if cell.gain is not None and largest else ""


def _robust(verdict: Verdict, found: Section, setups: Sequence[Setup], rows: RowVariances | None) -> str:
    """The tasks without which something else would be shipped."""
    changed = fragile(setups, verdict, found, rows=rows)
    told = [
        f"without {text.code(task)}{f' of {text.plain(setup)}' if len(setups) > 1 else ''} "
        + ("it could not be told" if ship is None else f"{text.code(ship)} would be shipped")
        for (setup, task), ship in changed.items()
    ]
    return f"**Not robust**: {'; '.join(told)}." if told else ""


def _alone(
    setup: Setup,
    summary: Summary,
    classical: Classical,
    folders: ModelFolders,
    *,
    besides: str,
    rows: RowVariances | None,
) -> str:
    """What the same rule says of one setup, as an item of a list; what it says of ``besides`` stands above it."""
    found = summary.parts[setup.name]
    verdict = decide(found)
    if verdict is None:
        return f"- {text.plain(setup.name)}: nothing to ship yet."
    taken = verdict.ship or verdict.simplest
    head = (
        f"ship {text.code(verdict.ship)}"
        if verdict.ship
        else f"not told yet, {_missing(found, verdict, more_seeds(found, verdict))}"
    )
    chances = found.comparison.best(verdict.contenders)
    parts = [f"- {text.plain(setup.name)}: {head}.", *_reasons(verdict, found, [setup], chances)]
    parts += [_robust(verdict, found, [setup], rows), advised(setup)]
    if taken != besides:
        parts += [against(taken, [setup], classical), said_models(taken, [setup], folders)]
    return " ".join(part for part in parts if part)


def _printed(contrast: Contrast | None) -> str:
    return "no shared seed" if contrast is None else f"{text.contrast(contrast)} points"
