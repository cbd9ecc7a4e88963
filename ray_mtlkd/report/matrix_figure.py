"""Which tasks go together, as trials have measured it: a row a strategy, a heat map a measure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ray_mtlkd.report.figures import Frame, drawn, inches
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.matrices import matrices_of
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.statistics import Floats

SAID = """\
A cell is what the task of its row does to, or has in common with, that of its column; a mean over at most ten trials.
Cosines and affinities are of the tasks' gradients of the shared parameters, over the steps in which both learned from
labels. The affinity is what a step of plain gradient descent for the row's task alone takes off the column's loss, to
first order ([Fifty et al. 2021](https://arxiv.org/abs/2109.04617)): above 0 it helps. Relations are those that a
regularizer between tasks has learned at the checkpoint: the task covariance of `matrix_normal`, of trace 1; under
`cluster`, who is in the same clusters; under `graph`, the cosines of the heads."""


@dataclass(frozen=True, kw_only=True)
class _HeatMap:
    """A column of the figure: what it is called, and what its numbers are multiplied by and printed as."""

    title: str
    times: float
    shown: str


_MEASURES: Mapping[str, _HeatMap] = {
    "cosines": _HeatMap(title="cosine of gradients", times=1.0, shown="{:.2f}"),
    "affinities": _HeatMap(title="affinity, % of the loss a step", times=100.0, shown="{:.3g}"),
    "relations": _HeatMap(title="relation of heads", times=1.0, shown="{:.2f}"),
}
"""By the column of the records that holds the rows."""
_MOST_NUMBERS = 8
"""Tasks up to which cells hold their numbers."""
_SIDE = 2.6
"""Of a heat map, in inches."""


def draw_matrices(setup: Setup, records: Records) -> Figure | None:
    """Every matrix of every strategy that has one; None where no trial of the setup measured any."""
    names = [runs.strategy.name for runs in setup.runs]
    found = matrices_of(setup, records, names)
    rows = {name: found[name] for name in names if name in found}
    columns = [name for name in _MEASURES if any(name in matrices for matrices in rows.values())]
    if not rows:
        return None
    tasks = [drawn(task.name) for task in setup.tasks]
    room = 0.15 + inches(tasks, size=7)
    frame = Frame(left=room, bottom=room, right=0.3, top=0.5, across=0.4 + room, down=0.6 + room)
    figure, axes = frame.panels([_SIDE] * len(rows), [_SIDE] * len(columns), share="none")
    for line, (strategy, matrices) in zip(axes, rows.items(), strict=True):
        for axis, column in zip(line, columns, strict=True):
            if column not in matrices:
                axis.remove()
                continue
            _draw(axis, matrices[column], tasks, _MEASURES[column])
            axis.set_title(f"{drawn(strategy)}\n{_MEASURES[column].title}")
    return figure


def _draw(axis: Any, matrix: Floats, names: Sequence[str], measure: _HeatMap) -> None:
    values = measure.times * matrix
    others = values[~np.eye(len(values), dtype=bool)]
    # what a task does to itself is many times what it does to others
    most = float(np.nanmax(np.abs(others), initial=0.0)) or 1.0
    axis.imshow(values, cmap="RdBu", vmin=-most, vmax=most)
    places = range(len(names))
    axis.set_xticks(places, names, rotation=45, ha="right", rotation_mode="anchor", fontsize=7)
    axis.set_yticks(places, names, fontsize=7)
    axis.tick_params(length=0)
    if len(names) > _MOST_NUMBERS:
        return
    for row, column in np.argwhere(np.isfinite(values)):
        dark = abs(values[row, column]) > 0.6 * most
        said = measure.shown.format(values[row, column])
        axis.text(column, row, said, ha="center", va="center", fontsize=7, color="white" if dark else "0.15")
