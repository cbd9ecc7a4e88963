"""One table cut into train, valid and test, or train into train and valid, by what stands in each row.

A row falls into the same part for ever, unless each part is to have its share of every label.
"""

import hashlib
from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.cells import said_rows
from ray_mtlkd.setups.manifest import InputSpec, SplitRule
from ray_mtlkd.setups.plain import whole

_BYTES = 8
"""Of a hash: the part of a row is its place among 2^64."""


def check_split(spec: InputSpec, *, lacking: Collection[Split], where: str) -> None:
    """Make sure that what lacks parts is cut, and that nothing else is.

    Args:
        spec: What is read.
        lacking: Parts that are to be cut from others: all of one file.
        where: Names the data in errors.

    Raises:
        MtlkdError: where there is one file and no rule, or a rule and nothing to cut.
    """
    if len(lacking) == len(SPLITS) and spec.split is None:
        fix = "add `split: {valid: 0.1, test: 0.2}` beside `data`, or name a folder with train, valid and test tables"
        raise MtlkdError("one file, and nothing says how to cut it into train, valid and test", where=where, fix=fix)
    if spec.split is not None and not lacking:
        fix = "name the file in `data`, or leave `split` out: a folder's tables are train, valid and test"
        raise MtlkdError("`split` cuts one file, or train where there is no valid", where=where, fix=fix)


def cut(
    table: pa.Table,
    rule: SplitRule,
    spec: InputSpec,
    *,
    group: str | None,
    where: str,
    parts: Collection[Split] = SPLITS,
    strata: NDArray[np.int64] | None = None,
) -> dict[Split, pa.Table]:
    """The rows of each part, in their order.

    A row's part follows from a hash of the column ``by``, else of the group, else of its inputs, in which upper and
    lower case and white space do not count: rows that share it lie on one side, and rows that are added move no other.

    Args:
        table: With all columns of these.
        group: Column of what rows belong to, of kinds whose rows stay together.
        where: Names the table in errors.
        parts: Without test, valid is cut off and train has the rest.
        strata: Of which each part has its share, a number a row [N]: what lies on one side is of that of its first row.

    Raises:
        MtlkdError: where a row has no value in the column ``by``.
    """
    by = rule.by or group
    names = spec.input_columns if by is None else (by,)
    columns = [whole(table[name]) for name in names]
    if by is not None and columns[0].null_count:
        missing = columns[0].is_null().to_numpy(zero_copy_only=False)
        fix = "fill it, or leave these rows out"
        raise MtlkdError(f"{said_rows(missing)} have no value to be split by", where=f"{where}:{by}", fix=fix)
    rows = zip(*(column.to_pylist() for column in columns), strict=True)
    places = np.array([_place(row, rule.seed) for row in rows], dtype=np.float64)
    test = rule.test if "test" in parts else 0.0
    if strata is not None:
        places = _ranked(places, strata)
    found = np.searchsorted([rule.valid, rule.valid + test], places, side="right")
    ordered: tuple[Split, ...] = ("valid", "test", "train")
    return {split: table.filter(pa.array(found == at)) for at, split in enumerate(ordered) if split in parts}


def _ranked(places: NDArray[np.float64], strata: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each row's place among those of its stratum, in [0, 1), in the order of their hashes; the same where these are.

    Shares are then those of the rows, but for what rows on one side make of it.
    """
    units, first, unit_of, counts = np.unique(places, return_index=True, return_inverse=True, return_counts=True)
    stratum = strata[first]
    order = np.lexsort((units, stratum))
    before = np.cumsum(counts[order]) - counts[order] / 2  # a unit stands where its middle does
    begins = np.concatenate([[True], np.diff(stratum[order]) != 0])
    sizes = np.add.reduceat(counts[order], np.flatnonzero(begins))
    of = np.cumsum(begins) - 1
    ranked = np.empty(len(units))
    ranked[order] = (before - (np.cumsum(sizes) - sizes)[of]) / sizes[of]
    spread: NDArray[np.float64] = ranked[unit_of.reshape(-1)]
    return spread


def _place(row: tuple[Any, ...], seed: int) -> float:
    """In [0, 1)."""
    said = repr((seed, *map(_folded, row)))
    drawn = int.from_bytes(hashlib.blake2b(said.encode(), digest_size=_BYTES).digest(), "big")
    return float(drawn / 2 ** (8 * _BYTES))


def _folded(value: Any) -> Any:
    if isinstance(value, list):
        return [_folded(item) for item in value]
    return " ".join(value.casefold().split()) if isinstance(value, str) else value
