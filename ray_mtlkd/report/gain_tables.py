"""The page's tables of differences between strategies, as Markdown."""

import numpy as np

from ray_mtlkd.report import text
from ray_mtlkd.report.best_baseline import told
from ray_mtlkd.report.gains import common
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.section import Section
from ray_mtlkd.report.skills import by_task
from ray_mtlkd.report.summary import REFERENCES, Cell, Summary
from ray_mtlkd.report.warnings import footnote


def gains(summary: Summary, setup: str) -> str:
    """Every strategy over the three references in points, its relative gain, its chance and rank; what is marked."""
    part = summary.parts[setup]
    best = told(part.bests)
    over = "over the best baseline" + ("" if best == text.code("none") else f", {best}")
    single = part.who("single_task")
    header = ["strategy", "role", over, "over `sum`", "over single-task" + (f", {text.code(single)}" if single else "")]
    header += ["gain over `sum`, %", "best, %", "mean rank"]
    rows = []
    for strategy in part.strategies:
        mark = summary.mark(setup, strategy.name)
        cells = {reference: summary.cells[setup, strategy.name, reference] for reference in REFERENCES}
        chance = part.chances.get(strategy.name)
        rows.append(
            [
                text.code(strategy.name) + (mark and f" {mark}"),
                text.plain(strategy.role),
                *(cell(each) for each in cells.values()),
                relative(cells["sum"]),
                text.NOTHING if chance is None else text.number(100 * chance, 0),
                text.number(summary.ranks.get((setup, strategy.name), np.nan), 1),
            ]
        )
    said = footnote(summary.unfinished[setup])
    return text.table(header, rows, words=["role"]) + (f"\n\n{said}." if said else "")


def cell(shown: Cell, *, digits: int = 2) -> str:
    """One difference: the number, its interval, and what it shows."""
    if shown.skill is None:
        return text.WITHOUT[shown.state]
    return f"{text.contrast(shown.skill, digits)} {shown.skill.finding}"


def relative(shown: Cell) -> str:
    """One relative gain, and whose it mostly is."""
    if shown.gain is None:
        return text.NOTHING if shown.state != "known" else "undefined"
    largest = text.main_task(shown.gain, shown.by_task)
    return f"{shown.gain.mean:+.2f}" + (f", {largest}" if largest else "")


def variances(summary: Summary) -> str:
    """The model behind the intervals of each section: what its variances are made of, and their degrees of freedom."""
    header = [
        "",
        "pairs",
        "seeds",
        "sd of a pair over seeds",
        "variances",
        "df of a pair",
        "configurations",
        "test rows",
    ]
    rows = [[text.plain(name), *_variances(summary.parts[name])] for name in summary.sections]
    family = max(part.comparison.family for part in summary.parts.values())
    margin = max(part.comparison.margin for part in summary.parts.values())
    said = (
        f"{family} pairs in all, so each interval has the level 1 - 0.05 / {family}; the margin is {margin:g} points."
    )
    return text.table(header, rows, words=["variances", "configurations", "test rows"]) + f"\n\n{said}"


def _variances(part: Section) -> list[str]:
    found = part.comparison
    seeds = str(int(found.seeds.max(initial=0)))
    if found.prior is None:
        return [str(part.pairs), seeds, *[text.NOTHING] * 5]
    own = found.seeds.max() - 1
    alike = (
        f"drawn together, {100 * found.prior.df / (found.prior.df + own):.0f} %" if np.isfinite(found.prior.df) else ""
    )
    df = found.df[np.triu_indices(len(found.strategies), 1)]
    spread = sorted({round(float(each)) for each in (np.nanmin(df), np.nanmax(df))})
    several = found.configurations > 1
    return [
        str(part.pairs),
        seeds,
        text.number(found.prior.variance**0.5, 2),
        alike or "alike, pooled",
        " to ".join(map(str, spread)),
        f"{found.configurations} each, in the intervals"
        if several
        else "one each: how it was chosen is in no interval",
        "in the intervals" if part.rows_known else "not stored: their luck is in no interval",
    ]


def contributions(summary: Summary, setup: Setup) -> str:
    """What each task adds to a strategy's difference from `sum`: points of skill, and percent of relative gain."""
    base = setup.of("sum")
    if base is None:
        return "No `sum` trial finished."
    header = ["strategy", *(text.plain(task.name) for task in setup.tasks)]
    rows = []
    for runs in setup.runs:
        shown = summary.cells[setup.name, runs.strategy.name, "sum"]
        if shown.skill is not None and runs is not base:
            ours, theirs = common(runs.seeds, base.seeds)
            added = runs.over_configurations(by_task(runs))[ours] - base.over_configurations(by_task(base))[theirs]
            percents = [f" ({percent:+.2f} %)" for percent in (shown.by_task or {}).values()]
            cells = [f"{mean:+.2f}" for mean in added.mean(axis=0)]
            percents = percents or [""] * len(cells)
            rows.append([text.code(runs.strategy.name), *map("".join, zip(cells, percents, strict=True))])
    return text.table(header, rows)
