import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.predict.dataset.paths import find
from ray_mtlkd.predict.dataset.source import DataFile, cut, same_columns, survey
from ray_mtlkd.storage import Storage


@pytest.fixture
def folder(tmp_path):
    for name in ("b.parquet", "a.parquet"):
        pq.write_table(pa.table({"x": [1.0, 2.0]}), tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("content", [b"", b"x", b"PAR1", b"text,label\n" * 9])
def test_every_file_that_is_not_parquet_is_named(folder, content):
    for name in ("a.parquet", "b.parquet"):
        (folder / name).write_bytes(content)
    with pytest.raises(ExceptionGroup) as group:
        survey(*find(str(folder)))
    assert [error.where for error in group.value.exceptions] == [f"{folder}/a.parquet", f"{folder}/b.parquet"]


def test_a_file_is_known_by_its_rows_its_size_and_its_footer(folder):
    (first, _), (second, _) = survey(*find(str(folder)))
    assert (first.rows, first.bytes) == (2, (folder / "a.parquet").stat().st_size)
    assert first.footer == second.footer
    pq.write_table(pa.table({"x": [1.0, 3.0]}), folder / "b.parquet")
    (_, _), (other, _) = survey(*find(str(folder)))
    assert other.footer != second.footer


def test_files_may_differ_in_columns_that_nobody_reads_but_not_in_the_others(tmp_path, refused):
    pq.write_table(pa.table({"x": [1.0], "y": ["a"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"y": [1], "x": [1.0], "z": [1]}), tmp_path / "b.parquet")
    found = survey(*find(str(tmp_path)))
    assert same_columns(found, ["x"], uri=str(tmp_path)).names == ["x"]
    with refused():
        same_columns(found, ["x", "y"], uri=str(tmp_path))


@pytest.mark.parametrize(
    ("rows_per_part", "expected"),
    [
        (5000, [(0, 0, 3000, 0), (2, 0, 4096, 3000), (2, 4096, 5000, 7096)]),
        (2047, [(0, at, min(at + 1024, 3000), at) for at in (0, 1024, 2048)]),
        (1, [(0, at, min(at + 1024, 3000), at) for at in (0, 1024, 2048)]),
    ],
)
def test_parts_are_ranges_of_one_file_that_begin_where_prediction_batches_do(rows_per_part, expected):
    files = [DataFile(name=f"{at}", bytes=1, footer="", rows=rows) for at, rows in enumerate((3000, 0, 5000))]
    parts = list(cut(files, rows_per_part=rows_per_part, where=""))
    found = [(int(part.file.name), part.start, part.stop, part.first_row) for part in parts]
    assert found[: len(expected)] == expected
    assert [part.index for part in parts] == list(range(len(parts)))
    assert sum(part.rows for part in parts) == 8000


def test_a_file_that_vanishes_is_an_error_that_names_it(tmp_path):
    with pytest.raises(MtlkdError) as caught:
        survey(Storage.at(str(tmp_path)), ["gone.parquet"])
    assert caught.value.where == f"{tmp_path}/gone.parquet"
