"""What is wanted of a table, and what a reader of a file gives."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ray_mtlkd.decode import unknown_name
from ray_mtlkd.errors import MtlkdError, raise_all
from ray_mtlkd.setups.csv_format import AS_FOUND, CsvFormat


@dataclass(frozen=True)
class TableRequest:
    """What a task needs of a table.

    Attributes:
        columns: Every column.
        optional: Further ones, as far as the table has them.
        csv: How the file is written, where it is a CSV.
    """

    columns: tuple[str, ...]
    optional: tuple[str, ...] = ()
    csv: CsvFormat = AS_FOUND

    def found(self, present: Sequence[str], *, where: str) -> dict[str, str]:
        """What is taken of a table with these columns: the name there of each that is wanted.

        Names that differ in nothing but how Unicode composes their letters are the same.

        Raises:
            MtlkdError: where a column is missing or stands twice; ExceptionGroup of them where several do.
        """
        names = dict(zip(map(composed, present), present, strict=True))
        optional = [column for column in self.optional if composed(column) in names]
        wanted = tuple(dict.fromkeys((*self.columns, *optional)))
        check_columns([*map(composed, present)], {column: composed(column) for column in wanted}, where=where)
        return {column: names[composed(column)] for column in wanted}

    def taken(self, table: pa.Table, *, where: str) -> pa.Table:
        """These columns of a table, by the names that they are wanted by.

        Raises:
            MtlkdError: as `found` does.
        """
        found = self.found(table.column_names, where=where)
        return table.select(list(found.values())).rename_columns(list(found))


@dataclass(frozen=True)
class ReadTable:
    """What was read of a file, and what a reader should know of it."""

    table: pa.Table
    warnings: tuple[str, ...] = ()


def composed(name: str) -> str:
    """A column's name, the same however Unicode composes its letters."""
    return unicodedata.normalize("NFC", name)


def check_columns(present: Sequence[str], wanted: Mapping[str, str], *, where: str) -> None:
    """Raise where a wanted column is missing or stands twice.

    Args:
        present: Columns of the table.
        wanted: As they are called there, by the name that errors show.
        where: Names the table.

    Raises:
        MtlkdError: the only problem.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    counts = Counter(present)
    problems = []
    for column, name in wanted.items():
        if not counts[name]:
            problems.append(unknown_name(column, present, what="column", where=where))
        elif counts[name] > 1:
            fix = "rename or drop the others"
            what = f"the column stands here {counts[name]} times"
            problems.append(MtlkdError(what, where=f"{where}:{column}", fix=fix))
    raise_all(where, problems)
