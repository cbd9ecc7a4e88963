"""The report's page: what to ship first, then every number, then how the numbers came about."""

from collections.abc import Mapping, Sequence
from typing import Any

from ray_mtlkd.report import gain_tables, history, tables, text, warnings
from ray_mtlkd.report.advice import Advice
from ray_mtlkd.report.architectures import architectures
from ray_mtlkd.report.auxiliaries import auxiliaries
from ray_mtlkd.report.classical import SAID as CLASSICAL
from ray_mtlkd.report.classical import Classical
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.matrix_figure import SAID as TOGETHER
from ray_mtlkd.report.protocol import PROTOCOL
from ray_mtlkd.report.quantities import QUANTITIES
from ray_mtlkd.report.row_findings import RowFindings
from ray_mtlkd.report.row_section import row_section
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.search_budget import SAID as SMALLER
from ray_mtlkd.report.search_budget import search_budget
from ray_mtlkd.report.section import ALL_SETUPS
from ray_mtlkd.report.summary import Summary

_METRICS = """\
Test metric at the checkpoint: mean ± standard deviation over seeds. In brackets: mean at the task's own best
evaluation, which no single checkpoint reaches for all tasks."""

_SETTINGS = """\
Shown are the settings that differ within these sweeps, to four digits; all settings of all configurations are in
`configurations.csv`."""

Images = Mapping[tuple[str, str], str]
"""File names: of the figure of gains by ``("gains", ALL_SETUPS)``, of curves and of task matrices by ``("curves",
setup)`` and ``("tasks", setup)``."""


def page(
    setups: Sequence[Setup],
    *,
    summary: Summary,
    advice: Advice,
    records: Records,
    trials: Sequence[dict[str, Any]],
    classical: Classical,
    findings: RowFindings,
    figures: Images,
    part: str = "",
    cautions: Sequence[str] = (),
    ahead: Sequence[str] = (),
) -> str:
    """The report as Markdown.

    Args:
        records: All, of search and replicate.
        trials: One row a trial of the records, as ``history.trials`` gives them.
        classical: What classical models reach.
        findings: Of the predictions of test rows.
        figures: Those that there are.
        part: What it is a part of; empty where it is of everything.
        cautions: What is said of strategies that hardly distilled, or did not hold what they distilled.
        ahead: What is said of sweeps that have not ended.
    """
    sweeps = sorted({row["sweep"] for row in trials})
    found = (
        *ahead,
        *summary.warnings,
        *classical.warnings,
        *findings.warnings,
        *warnings.unequal_searches(trials),
        *warnings.missing_seeds(setups),
        *cautions,
    )
    said = [quantity.said for quantity in QUANTITIES if quantity.said]
    counts = [sum(row["stage"] == stage for row in trials) for stage in ("search", "replicate")]
    failed = sum(row["status"] != "ok" for row in trials)
    found_by_fewer = search_budget(trials)
    parts = [
        f"# Report: {', '.join(map(text.plain, sweeps))}",
        f"> {part}" if part else "",
        advice.said,
        f"{counts[0]} search and {counts[1]} replicate trials, {failed} failed.",
        *(["## What could be wrong", _bullets(found)] if found else []),
        "## Average gains",
        "Differences of mean skill on test, in points; all intervals hold together with 95 %.",
        *(f"### {text.plain(name)}\n\n{gain_tables.gains(summary, name)}" for name in summary.sections),
        "### How sure they are",
        gain_tables.variances(summary),
        _image("Average gains", figures.get(("gains", ALL_SETUPS))),
        architectures(setups, summary, trials),
        *(_setup(setup, figures, summary, classical, records) for setup in setups),
        row_section(findings, setups, strategy=advice.ship or advice.simplest),
        "## What ran",
        history.searches(trials),
        _SETTINGS,
        *(["### Smaller searches", found_by_fewer, SMALLER] if found_by_fewer else []),
        "### Failed trials",
        history.failures(trials),
        "### Warnings of trials",
        _bullets(warnings.of_trials(records.table)) or "None.",
        "## How the numbers came about",
        "\n".join([PROTOCOL, *said, *([CLASSICAL] if classical.records else [])]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _setup(setup: Setup, figures: Images, summary: Summary, classical: Classical, records: Records) -> str:
    name = text.plain(setup.name)
    together, helped = figures.get(("tasks", setup.name)), auxiliaries(setup, summary, records)
    return "\n\n".join(
        [
            f"## Setup {name}",
            _image(f"Validation curves of {name}", figures.get(("curves", setup.name)))
            or "No figure of curves: no finished trial of `sum`, `joint_kd`, `sequential_kd` or what to ship has one.",
            _METRICS,
            tables.metrics(setup, classical),
            "What each task adds to the difference from `sum`, in points of skill (and in percent of relative gain):",
            gain_tables.contributions(summary, setup),
            "Negative transfer (* the interval of the loss excludes zero):",
            tables.transfer(setup, summary.parts[setup.name].reference("single_task")),
            "Retention (median over the tasks that converged, out of seeds x tasks):",
            tables.retention(setup),
            "What its trials came to, on average over seeds:",
            tables.quantities(setup),
            *([helped] if helped else []),
            *([TOGETHER, _image(f"Which tasks of {name} go together", together)] if together else []),
        ]
    )


def _image(words: str, name: str | None) -> str:
    return "" if name is None else f"![{words}]({name})"


def _bullets(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {' '.join(sentence.split())}" for sentence in sentences)
