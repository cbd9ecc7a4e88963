"""Records by the names of their columns, whichever part of a record holds them."""

from ray_mtlkd.arrow import to_plain
from ray_mtlkd.records import from_row, to_row


def changed(record, **columns):
    """The same record with other values in these columns."""
    return from_row({**to_row(record), **{name: to_plain(value) for name, value in columns.items()}})
