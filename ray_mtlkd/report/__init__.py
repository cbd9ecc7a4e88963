"""From the records of sweeps to a report that says which strategy to ship. Knows neither Ray nor PyTorch."""

from ray_mtlkd.report.advice import Advice
from ray_mtlkd.report.build import Report, build, summary
from ray_mtlkd.report.load import Records, of, read
from ray_mtlkd.report.summary import ALL_SETUPS, REFERENCES, Cell, Reference, Summary
from ray_mtlkd.report.tables import cell as cell_text
from ray_mtlkd.report.text import NO_DIFFERENCE
from ray_mtlkd.report.warnings import footnote

__all__ = [
    "ALL_SETUPS",
    "NO_DIFFERENCE",
    "REFERENCES",
    "Advice",
    "Cell",
    "Records",
    "Reference",
    "Report",
    "Summary",
    "build",
    "cell_text",
    "footnote",
    "of",
    "read",
    "summary",
]
