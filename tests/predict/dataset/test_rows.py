import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.predict.dataset import rows
from ray_mtlkd.predict.dataset.rows import pieces, steady
from ray_mtlkd.predict.dataset.source import cut, survey
from ray_mtlkd.storage import Storage
from ray_mtlkd.training.evaluation.evaluate import BATCH_ROWS


def _batches(*sizes):
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return [
        pa.RecordBatch.from_pydict({"x": np.arange(start, start + size)})
        for start, size in zip(starts, sizes, strict=False)
    ]


@pytest.mark.parametrize("sizes", [(20,), (1,) * 20, (3, 7, 0, 10), (9, 11), (16, 4)])
@pytest.mark.parametrize(("skip", "wanted"), [(0, 20), (3, 10), (9, 11), (19, 1), (4, 8)])
def test_batches_of_any_size_become_tables_of_one_size(sizes, skip, wanted):
    found = list(steady(_batches(*sizes), skip=skip, rows=wanted, size=4))
    assert [table.num_rows for table in found[:-1]] == [4] * (len(found) - 1)
    assert 0 < found[-1].num_rows <= 4
    assert pa.concat_tables(found)["x"].to_pylist() == list(range(skip, skip + wanted))


def test_a_file_with_fewer_rows_than_it_says_is_an_error(refused):
    with refused(pa.ArrowInvalid):
        list(steady(_batches(8), skip=4, rows=6, size=3))


@pytest.fixture
def file(tmp_path):
    """5000 rows of an awkward number of rows a group, the parts that they are cut into, and where."""
    names = [f"{at}" * (at % 50) for at in range(5000)]
    table = pa.table({"n": names, "x": np.arange(5000), "w": [[at, at] for at in range(5000)], "unread": names})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=700)
    storage = Storage.at(str(tmp_path))
    ((known, _),) = survey(storage, ["a.parquet"])
    return table, list(cut([known], rows_per_part=2048, where="")), storage


@pytest.mark.parametrize("largest", [1, 2**30])
def test_pieces_of_all_parts_are_the_columns_of_the_table_in_whole_prediction_batches(file, monkeypatch, largest):
    monkeypatch.setattr(rows, "PIECE_BYTES", largest)
    table, parts, storage = file
    found = [list(pieces(storage, part, ["x", "n", "w"])) for part in parts]
    assert pa.concat_tables([piece for part in found for piece in part]).equals(table.select(["x", "n", "w"]))
    assert all(piece.num_rows % BATCH_ROWS == 0 for part in found for piece in part[:-1])
    assert [len(part) for part in found] == ([2, 2, 1] if largest == 1 else [1, 1, 1])


def test_a_file_that_was_replaced_is_an_error(file, refused):
    table, parts, storage = file
    pq.write_table(table.slice(1), f"{storage.root}/a.parquet")
    with refused():
        list(pieces(storage, parts[0], ["x"]))


def test_a_damaged_page_is_an_error_that_names_the_file(file):
    _, parts, storage = file
    path = f"{storage.root}/a.parquet"
    with open(path, "r+b") as damaged:  # noqa: PTH123 - in place
        damaged.seek(4)
        damaged.write(bytes(3000))
    with pytest.raises(MtlkdError) as caught:
        list(pieces(storage, parts[0], ["n"]))
    assert caught.value.where == path
