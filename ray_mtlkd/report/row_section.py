"""The page's part on single rows, as Markdown."""

from collections.abc import Sequence

from ray_mtlkd.report import text
from ray_mtlkd.report.calibration import BINS, calibration_table
from ray_mtlkd.report.confusions import confusions_table
from ray_mtlkd.report.disagreements import disagreements_table
from ray_mtlkd.report.row_findings import RowFindings
from ray_mtlkd.report.runs import Runs, Setup

_CALIBRATION = f"""\
Expected calibration error on test in points, mean over trials ({BINS} bins), and in brackets how much too high
probabilities are on average:"""
_DISAGREEMENTS = """\
The test rows on which strategies differ most: how right the best and the worst are, averaged over trials (a share; of
numbers minus the error in standard deviations; of rankings the metric). Rows are counted from 0, a query by its first
row. Among thousands of rows, some differ by chance:"""


def row_section(findings: RowFindings, setups: Sequence[Setup], *, strategy: str | None) -> str:
    """What is found of every setup; empty where no predictions are stored.

    Args:
        strategy: Whose confusions are shown; None, or one without predictions, for the first that has some.
    """
    parts = [part for setup in setups if (part := _setup(findings, setup, strategy))]
    if not parts:
        return ""
    files = text.listed(text.code(f"{name}.csv") for name in findings.tables())
    return "\n\n".join(["## Rows", f"Of what trials predicted of their test rows. Everything is in {files}.", *parts])


def _setup(findings: RowFindings, setup: Setup, strategy: str | None) -> str:
    tasks = [task.name for task in setup.tasks]
    names = [runs.strategy.name for runs in setup.runs]
    shown = _shown(findings, setup.runs, setup.name, strategy)
    tables = (
        (
            f"What {text.code(shown)} confuses most, averaged over its trials:",
            confusions_table(findings.confusions, setup=setup.name, tasks=tasks, strategy=shown),
        ),
        (_CALIBRATION, calibration_table(findings.calibrations, setup=setup.name, tasks=tasks, strategies=names)),
        (_DISAGREEMENTS, disagreements_table(findings.disagreements, setup=setup.name, tasks=tasks)),
    )
    said = [each for title, table in tables if table for each in (title, table)]
    return "\n\n".join([f"### Rows of {text.plain(setup.name)}", *said]) if said else ""


def _shown(findings: RowFindings, runs: Sequence[Runs], setup: str, strategy: str | None) -> str:
    """The strategy, or the first with confusions."""
    known = {name for of, _, name in findings.confusions if of == setup}
    names = [strategy, *(each.strategy.name for each in runs)]
    return next((name for name in names if name in known), "")
