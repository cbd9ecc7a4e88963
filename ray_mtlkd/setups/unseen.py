"""Categories that a table shows and train does not: a model reads all of them as one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.cells import said_rows

FEW_ROWS = 10
"""Rows with a category below which a share says nothing: they are told, but no error."""

_SHOWN = 5
"""Columns that a warning names."""


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """A column's categories that train never shows.

    Attributes:
        rows: That have one.
        present: Rows that have any category.
        first: Such a category.
        said: These rows in words.
    """

    rows: int
    present: int
    first: str
    said: str

    @property
    def share(self) -> float:
        """Of the rows that have a category."""
        return self.rows / self.present


def find_unseen(texts: pa.Array, known: pa.Array) -> Unseen | None:
    """What a column of categories (canonical texts, nulls pass) has beside the known ones; None for nothing."""
    new = pc.invert(pc.is_in(texts, value_set=known))
    bad = pc.and_(new, texts.is_valid()).to_numpy(zero_copy_only=False)
    if not bad.any():
        return None
    first = texts[int(np.flatnonzero(bad)[0])].as_py()
    return Unseen(rows=int(bad.sum()), present=len(texts) - texts.null_count, first=first, said=said_rows(bad))


def refuse_unseen(found: Mapping[str, Unseen], bound: float, *, where: str, fix: str) -> Iterable[MtlkdError]:
    """An error for every column of which more than ``bound`` is unseen; ``where`` names the table."""
    for column, unseen in found.items():
        if unseen.share > bound and unseen.present >= FEW_ROWS:
            what = (
                f"{unseen.said} have a category that train never shows, first {unseen.first!r}: more than "
                f"{100 * bound:g} %"
            )
            yield MtlkdError(what, where=f"{where}:{column}", fix=fix)


def said_unseen(found: Mapping[str, Unseen]) -> str:
    """``categories that train never shows: city 12.0 % of rows (first 'Ulm'), job 0.3 % …``, the most first."""
    order = sorted(found, key=lambda column: -found[column].share)
    parts = [f"{column} {_percent(found[column].share)} % of rows (first {found[column].first!r})" for column in order]
    more = f" and {len(parts) - _SHOWN} more columns" if len(parts) > _SHOWN else ""
    return f"categories that train never shows: {', '.join(parts[:_SHOWN])}{more}"


def _percent(share: float) -> str:
    """``0.31``, ``12``, ``100``."""
    return f"{float(f'{100 * share:.2g}'):g}"
