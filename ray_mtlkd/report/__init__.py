"""From the records of sweeps to a report that says which strategy to ship. Knows neither Ray nor PyTorch."""

from ray_mtlkd.report.advice import Advice
from ray_mtlkd.report.build import Report, build, summary
from ray_mtlkd.report.gain_tables import cell as cell_text
from ray_mtlkd.report.load import Records, of, read
from ray_mtlkd.report.section import ALL_SETUPS
from ray_mtlkd.report.summary import REFERENCES, Cell, Reference, Summary
from ray_mtlkd.report.text import unmarked
from ray_mtlkd.report.warnings import footnote

__all__ = [
    "ALL_SETUPS",
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
    "unmarked",
]
