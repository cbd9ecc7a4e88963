"""The report's page: what to ship first, then every number, then how the numbers came about."""

from collections.abc import Mapping, Sequence
from typing import Any

from ray_mtlkd.report import history, tables, warnings
from ray_mtlkd.report.advice import Advice
from ray_mtlkd.report.classical import SAID as CLASSICAL
from ray_mtlkd.report.classical import Classical
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.quantities import QUANTITIES
from ray_mtlkd.report.row_findings import RowFindings
from ray_mtlkd.report.row_section import row_section
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.summary import ALL_SETUPS, Summary

_PROTOCOL = """\
- **Trials.** Every strategy searches on validation; its best configuration runs again on fresh seeds. Only these
  replicate trials are reported, on test. A trial's metrics are those of one checkpoint: the evaluation with the best
  validation score (mean skill over tasks) after every task has started.
- **Gain** over a reference b, for one seed: 100/T · Σ s (m - b) / |b| over the T tasks, with s = +1 where a higher
  metric is better, else -1. A strategy and its reference are paired by sweep, setup and seed; a strategy with missing
  seeds is compared only on those that it shares with the reference. Where a reference's metric is zero, the gain is
  undefined, and a warning names the task.
- **Best baseline**: of the strategies with the role *baseline* (all tasks train jointly to the end, under any
  balancer), the one with the best mean gain over `sum` on validation; ties go to `sum`. Distilling strategies, controls
  and single-task are no candidates. Test metrics take no part in this choice.
- **Interval**: 95 %, over seeds. From six seeds on a percentile bootstrap (9999 resamples, fixed seed; with few seeds
  it is somewhat too narrow); below six Student's t, because with n seeds all signs agree by luck with probability
  2^(1-n), more than 5 % below six, so that a bootstrap cannot cover 95 %. One seed has no interval. A gain whose
  interval spans zero, or that has none, is printed as *no difference shown*. Intervals are not corrected for the
  number of comparisons.
- **Seeds won**: seeds on which the gain over the best baseline is above zero.
- **All setups**: for each seed that ran in all setups, the mean of its gains; the interval is over these seeds, for
  these setups, and says nothing of others. Where no seed ran in all setups, the mean of the setups' means, without an
  interval. Only strategies of all setups take part.
- **Mean rank**: by gain over `sum` on test among the strategies that finished the seed (1 is best), averaged over
  seeds, then over setups.
- **What to ship**: the multitask strategy with the best mean validation score is chosen. It is shipped if on test it is
  shown to be better than the best baseline. Else the simplest strategy is shipped that is not shown to be worse than
  the chosen one: `sum`, if neither the chosen strategy nor the best baseline is shown to be better than `sum` on test;
  otherwise the best baseline (where setups differ in it, the baseline with the best mean validation score). Controls
  (`stop`, `sequential`, `rewind_only`) are ordinary strategies here: they may be chosen and shipped. One model a task
  is shipped only where no multitask strategy reaches it on average and the one to ship is shown to be worse. Advice
  for a single setup follows the same rule on that setup alone.
- **Negative transfer**: tasks whose mean test metric is below single-task's on the shared seeds; a star where the
  interval of the difference excludes zero.
- **Retention**: a converged task's validation metric at the checkpoint over its teacher's, or the inverse where a lower
  metric is better: below 1, something was lost. Tasks that did not converge have none: a retention over few tasks says
  little."""

_METRICS = """\
Test metric at the checkpoint: mean ± standard deviation over seeds. In brackets: mean at the task's own best
evaluation, which no single checkpoint reaches for all tasks."""

_SETTINGS = """\
Shown are the settings that differ within these sweeps, to four digits; all settings of all configurations are in
`configurations.csv`."""


def page(
    setups: Sequence[Setup],
    *,
    summary: Summary,
    advice: Advice,
    records: Records,
    trials: Sequence[dict[str, Any]],
    classical: Classical,
    findings: RowFindings,
    figures: Mapping[str, str],
) -> str:
    """The report as Markdown.

    Args:
        records: All, of search and replicate.
        trials: One row a trial of the records, as ``history.trials`` gives them.
        classical: What classical models reach.
        findings: Of the predictions of test rows.
        figures: File name by setup's name, and by ``ALL_SETUPS`` the figure of gains.
    """
    sweeps = sorted({row["sweep"] for row in trials})
    found = (
        *summary.warnings,
        *classical.warnings,
        *findings.warnings,
        *warnings.unequal_searches(trials),
        *warnings.missing_seeds(setups),
        *warnings.undistilled(records),
    )
    said = [quantity.said for quantity in QUANTITIES if quantity.said]
    counts = [sum(row["stage"] == stage for row in trials) for stage in ("search", "replicate")]
    failed = sum(row["status"] != "ok" for row in trials)
    parts = [
        f"# Report: {', '.join(sweeps)}",
        advice.said,
        f"{counts[0]} search and {counts[1]} replicate trials, {failed} failed.",
        *(["## Warnings", _bullets(found)] if found else []),
        "## Average gains",
        "In percent, on test: mean over seeds with its 95 % interval.",
        *(f"### {name}\n\n{tables.gains(summary, name)}" for name in summary.sections),
        _image("Average gains", figures.get(ALL_SETUPS)),
        *(_setup(setup, figures.get(setup.name), classical) for setup in setups),
        row_section(findings, setups, strategy=advice.ship),
        "## What ran",
        history.searches(trials),
        _SETTINGS,
        "### Failed trials",
        history.failures(trials),
        "### Warnings of trials",
        _bullets(warnings.of_trials(records.table)) or "None.",
        "## How the numbers came about",
        "\n".join([_PROTOCOL, *said, *([CLASSICAL] if classical.records else [])]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _setup(setup: Setup, figure: str | None, classical: Classical) -> str:
    return "\n\n".join(
        [
            f"## Setup {setup.name}",
            _image(f"Validation curves of {setup.name}", figure)
            or "No figure of curves: no finished trial of `sum`, `joint_kd`, `sequential_kd` or what to ship has one.",
            _METRICS,
            tables.metrics(setup, classical),
            "Negative transfer (* the interval of the loss excludes zero):",
            tables.transfer(setup),
            "Retention (median over the tasks that converged, out of seeds x tasks):",
            tables.retention(setup),
            "What its trials came to, on average over seeds:",
            tables.quantities(setup),
        ]
    )


def _image(words: str, name: str | None) -> str:
    return "" if name is None else f"![{words}]({name})"


def _bullets(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {' '.join(sentence.split())}" for sentence in sentences)
