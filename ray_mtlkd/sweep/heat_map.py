"""A matrix of tasks x tasks as TensorBoard shows it: an image, and a table that says which row is whose."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ray_mtlkd.escapes import in_markdown

_CELL = 24
"""Pixels of a cell's side."""
_BELOW, _ZERO, _ABOVE, _UNKNOWN = (178, 24, 43), (247, 247, 247), (33, 102, 172), (160, 160, 160)
"""Colours: red to white to blue, as the report's figures have them; grey where there is no number."""

Matrix = Sequence[Sequence[float | None]]


def heat_map(matrix: Matrix) -> NDArray[np.uint8]:
    """RGB [side, side, 3], rows from the top; colours are full at the largest number off the diagonal."""
    values = np.array(matrix, dtype=np.float64)
    others = values[~np.eye(len(values), dtype=bool)]
    most = float(np.nanmax(np.abs(others), initial=0.0)) or 1.0
    share = np.clip(np.nan_to_num(values) / most, -1.0, 1.0)[:, :, None]
    end = np.where(share < 0, np.array(_BELOW), np.array(_ABOVE))
    colours = np.array(_ZERO) + np.abs(share) * (end - np.array(_ZERO))
    colours[np.isnan(values)] = _UNKNOWN
    return np.kron(colours.round().astype(np.uint8), np.ones((_CELL, _CELL, 1), np.uint8))


def matrix_text(matrix: Matrix, tasks: Sequence[str]) -> str:
    """The numbers as a Markdown table, in the order of the image."""
    names = [in_markdown(task) for task in tasks]
    head = ["", *names]
    rows = [[f"**{name}**", *map(_said, row)] for name, row in zip(names, matrix, strict=True)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def _said(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
