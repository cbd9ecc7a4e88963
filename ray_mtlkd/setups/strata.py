"""What each part of a table that is cut has its share of: labels, or the values of a column."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.cells import categories
from ray_mtlkd.setups.labels import RawLabels, read_labels
from ray_mtlkd.setups.manifest import TaskSpec
from ray_mtlkd.setups.plain import whole

_BANDS = 10
"""That labels which are numbers are cut into, of equally many rows."""


def find_strata(table: pa.Table, readers: Sequence[TaskSpec], *, where: str) -> NDArray[np.int64] | None:
    """The stratum of each row [N]; None where none are asked for.

    Of classes, each is one; of lists, the rarest element of the row says which; numbers are cut into ten.

    Args:
        table: With the labels of those who read it.
        readers: Tasks that are cut alike.
        where: Names the table in errors.

    Raises:
        MtlkdError: where several labels are to be heeded at once, or one cannot be read.
    """
    by = readers[0].split.stratify if readers[0].split is not None else False
    if by is False:
        return None
    if isinstance(by, str):
        values = categories(whole(table[by]), where=f"{where}:{by}").column
        return _coded(values)
    labels = {reader.label: reader for reader in readers}
    if len(labels) > 1:
        fix = f"name one column, e.g. `stratify: {next(iter(labels))}`: rows are cut once for all tasks that read them"
        raise MtlkdError(f"`stratify` is to heed {len(labels)} labels at once", where=where, fix=fix)
    (spec,) = labels.values()
    return _of_labels(read_labels(whole(table[spec.label]), spec, where=f"{where}:{spec.label}"))


def _of_labels(labels: RawLabels) -> NDArray[np.int64]:
    if labels.offsets is not None:
        return _rarest(labels)
    if not pa.types.is_floating(labels.values.type):
        return _coded(labels.values)
    numbers = labels.values.to_numpy(zero_copy_only=False)
    edges = np.nanquantile(numbers, np.linspace(0, 1, _BANDS + 1)[1:-1])
    bands: NDArray[np.int64] = np.searchsorted(edges, np.nan_to_num(numbers), side="right").astype(np.int64)
    return bands


def _rarest(labels: RawLabels) -> NDArray[np.int64]:
    """The number of each row's rarest element; -1 of rows without one."""
    assert labels.offsets is not None  # noqa: S101 - of lists
    codes = _coded(labels.values)
    counts = Counter(codes.tolist())
    rank = {code: (count, code) for code, count in counts.items()}
    found = [
        min(codes[start:end].tolist(), key=rank.__getitem__, default=-1)
        for start, end in zip(labels.offsets[:-1].tolist(), labels.offsets[1:].tolist(), strict=True)
    ]
    return np.array(found, np.int64)


def _coded(values: pa.Array) -> NDArray[np.int64]:
    """A number for each value, -1 for null, whatever the order of the rows."""
    shown = pc.unique(values).drop_null().sort()
    found = pc.index_in(values, value_set=shown).fill_null(-1)
    codes: NDArray[np.int64] = found.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes
