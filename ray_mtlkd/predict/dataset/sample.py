"""What some rows of a data set say before all of them are relabelled."""

from ray_mtlkd.predict.dataset.rows import read_groups_of
from ray_mtlkd.predict.dataset.source import DataSet
from ray_mtlkd.predict.predictions import look_at
from ray_mtlkd.setups import Featuriser
from ray_mtlkd.storage import Storage

ROWS = 200_000
"""That are looked at, at most, rounded up to a row group."""


def look_at_sample(source: DataSet, featuriser: Featuriser, *, allow_unseen: float) -> tuple[str, ...]:
    """What a reader should know of the rows, by row groups that lie evenly in the data set; all where it is small.

    Only columns of numbers and categories are read: the others say nothing that a part's worker would not.

    Raises:
        MtlkdError: where a column does not fit, or more than ``allow_unseen`` of its categories are new to the model;
            ExceptionGroup of them, where several are.
    """
    columns = [name for name, rule in featuriser.rules.items() if rule.sort in {"number", "category"}]
    if not columns:
        return ()
    table = read_groups_of(Storage.at(source.uri), source.files, columns, rows=ROWS)
    where = source.uri if table.num_rows == source.rows else f"{source.uri} ({table.num_rows} of {source.rows} rows)"
    return look_at(featuriser, table, columns=columns, where=where, allow_unseen=allow_unseen)
