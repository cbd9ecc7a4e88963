"""From the records of sweeps to a report that says which strategy to ship. Knows neither Ray nor PyTorch."""

from ray_mtlkd.report.advice import Advice
from ray_mtlkd.report.build import Report, build, summary
from ray_mtlkd.report.load import Records, of, read
from ray_mtlkd.report.summary import ALL_SETUPS, Cell, Reference, Summary

__all__ = [
    "ALL_SETUPS",
    "Advice",
    "Cell",
    "Records",
    "Reference",
    "Report",
    "Summary",
    "build",
    "of",
    "read",
    "summary",
]
