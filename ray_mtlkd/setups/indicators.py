"""Labels as vectors of 0 and 1, one for every class: what scikit-learn calls the indicator format."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.cells import Rows, nulls, said_rows, value_texts
from ray_mtlkd.setups.columns import explode, rows_with
from ray_mtlkd.setups.values import canonical

_ACCEPTED = "lists of 0 and 1, one for every class"


def read_indicators(column: pa.Array, *, where: str) -> tuple[pa.Array, NDArray[np.int64], Rows]:
    """Vectors [N, K] as lists of the places that are 1: texts end to end, offsets [N+1], and rows without a label [N].

    Raises:
        MtlkdError: where a row holds something else, or is of another length.
    """
    lists = explode(column, where=where, accepted=_ACCEPTED)
    texts = canonical(value_texts(lists.values, where=where, accepted=_ACCEPTED), "digit")
    missing = lists.missing | rows_with(nulls(texts), lists.offsets)
    lengths = np.diff(lists.offsets)
    width = int(lengths[~missing][0]) if (~missing).any() else 0
    other = ~missing & (lengths != width)
    if other.any():
        what = f"{said_rows(other)} have no {width} numbers, as the first row has"
        raise MtlkdError(what, where=where, fix="give every row a 0 or 1 for every class")
    bad = rows_with(_is_other(texts), lists.offsets) & ~missing
    if bad.any():
        fix = "write 0 and 1, or leave `format` out where rows list the labels that they have"
        raise MtlkdError(f"{said_rows(bad)} hold something else than 0 and 1", where=where, fix=fix)
    is_set = pc.equal(texts, "1").fill_null(False).to_numpy(zero_copy_only=False)  # noqa: FBT003 - Arrow's signature
    is_set &= np.repeat(~missing, lengths)
    rows = np.repeat(np.arange(len(missing)), lengths)
    places = np.arange(len(texts)) - lists.offsets[rows]
    counts = np.bincount(rows[is_set], minlength=len(missing))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return pa.array(places[is_set].astype(str).tolist(), pa.large_string()), offsets, missing


def refuse_indicators(texts: pa.Array, lengths: NDArray[np.int64], *, where: str) -> None:
    """Refuse lists that are vectors of 0 and 1 rather than lists of labels: all as long, and with a number twice.

    Raises:
        MtlkdError: where the lists of these lengths [N], whose elements lie end to end, are so.
    """
    if len(lengths) == 0 or (lengths != lengths[0]).any() or lengths[0] == 0:
        return
    codes = canonical(texts, "digit")
    if _is_other(codes).any():
        return
    ones = pc.equal(codes, "1").to_numpy(zero_copy_only=False).reshape(len(lengths), -1).sum(axis=1)
    if ((ones > 1) | (lengths - ones > 1)).any():
        what = f"every row is a list of {lengths[0]} numbers that are 0 or 1, and repeats one"
        fix = "set format: indicator if each says whether the row has that label, else list the labels that a row has"
        raise MtlkdError(what, where=where, fix=fix)


def _is_other(texts: pa.Array) -> Rows:
    found = pc.is_in(texts, value_set=pa.array(["0", "1", None], pa.large_string()))
    other: Rows = ~found.to_numpy(zero_copy_only=False)
    return other
