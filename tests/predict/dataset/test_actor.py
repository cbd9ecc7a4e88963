"""What an actor of the pool makes of a part; the pool itself is in `test_pool`."""

from pathlib import Path

import pyarrow as pa
import pytest

from ray_mtlkd.predict.dataset.pool import PartActor
from ray_mtlkd.predict.dataset.work import Done
from ray_mtlkd.serial import dumps, loads
from tests.keeping import write_data_set


@pytest.fixture
def work(diverse, diverse_rows, planned, tmp_path):
    folder = write_data_set(tmp_path / "data", diverse_rows["segment"].slice(0, 3000), (3000,))
    return planned(diverse, folder, "segment")


def _ask(work):
    """What an actor says of each part."""
    actor = PartActor(lambda: work.lean, 0.0)
    lines = [dumps(part) for part in work.left]
    answers = actor(pa.table({"part": lines}))["done"].to_pylist()
    return [loads(Done, answer, where="", fix="") for answer in answers]


def test_a_part_comes_back_as_what_was_written(work):
    first, second = _ask(work)
    assert [each.written.rows for each in (first, second)] == [2048, 952]
    assert first.written.bytes == (Path(work.out) / "part-00000.parquet").stat().st_size
    assert first.pid == second.pid
    assert 0 < first.start_bytes <= second.peak_bytes


def test_what_is_wrong_with_the_data_comes_back_as_a_value(work):
    Path(work.source.uri, "00.parquet").write_bytes(b"PAR1")
    for done in _ask(work):
        ((what, where, _),) = done.problems
        assert done.written is None
        assert what.startswith("cannot be read as Parquet")
        assert where == f"{work.source.uri}/00.parquet"


def test_an_output_that_cannot_be_written_comes_back_as_a_value(work):
    Path(work.out).write_text("a file in its place")
    for done in _ask(work):
        ((what, where, _),) = done.problems
        assert what.startswith("cannot be written")
        assert where == work.out


def test_a_teacher_that_is_gone_comes_back_as_a_value(work, tmp_path):
    object.__setattr__(work.making, "model", str(tmp_path / "gone"))
    assert all("no model here" in done.problems[0][0] for done in _ask(work))
