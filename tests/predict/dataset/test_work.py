"""A data set is relabelled the same way whatever happens on the way; in this process, without Ray."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.predict.dataset.work import Worker, finish
from tests.keeping import content_of, keep_diverse, labels_in, relabel_alone, text_table, write_data_set

SIZES = (3000, 0, 2500, 1)


@pytest.fixture(scope="session")
def other_diverse(tmp_path_factory):
    """The same model with other parameters."""
    return keep_diverse(tmp_path_factory.mktemp("kept") / "other", seed=6)


@pytest.fixture
def segments(diverse_rows, tmp_path):
    """A data set of one task, with a column that nobody reads and one that names each row."""
    table = diverse_rows["segment"].slice(0, sum(SIZES))
    table = table.append_column("id", pa.array([f"row {at}" for at in range(len(table))]))
    table = table.append_column("noise", pa.array(np.arange(len(table))))
    return table, write_data_set(tmp_path / "data", table, SIZES)


@pytest.mark.parametrize("rows_per_part", [1024, 2100, 10**6])
def test_labels_are_those_of_each_file_s_table_in_the_order_of_the_rows(segments, diverse, planned, rows_per_part):
    table, folder = segments
    work = planned(diverse, folder, "segment", key=("id",), rows_per_part=rows_per_part)
    relabel_alone(work)
    found = labels_in(work.out)
    assert found["row"].to_pylist() == list(range(len(table)))
    assert found["id"].to_pylist() == table["id"].to_pylist()
    start = 0
    for size in SIZES:
        if size:
            expected = diverse.predicted("segment", table.slice(start, size)).numpy()
            got = found["logits"].slice(start, size).combine_chunks().flatten().to_numpy().reshape(size, -1)
            np.testing.assert_array_equal(got, expected)
        start += size


def test_the_manifest_names_teacher_classes_settings_and_every_part(segments, diverse, planned, tmp_path):
    table, folder = segments
    work = planned(diverse, folder, "segment", values="probabilities", top_k=2)
    relabel_alone(work)
    told = json.loads((tmp_path / "out" / "manifest.json").read_text())
    head = json.loads((diverse.folder / "model.json").read_text())
    assert told["teacher"] == work.making.teacher == head["teacher"]
    assert told["classes"] == head["tasks"][1]["task"]["classes"]
    assert (told["task"], told["kind"], told["values"], told["top_k"]) == ("segment", "multiclass", "probabilities", 2)
    assert told["rows"] == len(table) == sum(part["rows"] for part in told["parts"])
    assert [file["rows"] for file in told["files"]] == list(SIZES)
    for at, part in enumerate(told["parts"]):
        content = (tmp_path / "out" / f"part-{at:05}.parquet").read_bytes()
        assert part["sha256"] == hashlib.sha256(content).hexdigest()
        about = json.loads(pq.read_schema(tmp_path / "out" / part["file"]).metadata[b"ray_mtlkd"])
        assert about["teacher"] == told["teacher"]
        assert about["source"] in told["files"]
        assert about["rows"] == part["source_rows"]


def test_an_interrupted_run_goes_on_to_the_same_bytes(segments, diverse, planned, tmp_path):
    _, folder = segments
    relabel_alone(planned(diverse, folder, "segment", out="whole"))
    work = planned(diverse, folder, "segment")
    assert len(work.left) == 5
    worker = Worker(work.lean)
    for part in work.left[1:3]:
        worker.do(part)
    (tmp_path / "out" / "part-00000.parquet.1a2b.draft").write_bytes(b"half")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.parquet")}
    again = planned(diverse, folder, "segment")
    assert [part.index for part in again.left] == [0, 3, 4]
    relabel_alone(again)
    assert content_of(tmp_path / "out") == content_of(tmp_path / "whole")
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_parts_that_were_deleted_from_a_whole_output_are_made_again(segments, diverse, planned, tmp_path):
    _, folder = segments
    relabel_alone(planned(diverse, folder, "segment"))
    whole = content_of(tmp_path / "out")
    assert planned(diverse, folder, "segment").complete
    for name in ("part-00001.parquet", "part-00004.parquet"):
        (tmp_path / "out" / name).unlink()
    work = planned(diverse, folder, "segment")
    assert not work.complete
    assert [part.index for part in work.left] == [1, 4]
    relabel_alone(work)
    assert content_of(tmp_path / "out") == whole


def test_a_run_that_died_just_before_the_manifest_has_no_part_left(segments, diverse, planned, tmp_path):
    _, folder = segments
    relabel_alone(planned(diverse, folder, "segment"))
    whole = content_of(tmp_path / "out")
    (tmp_path / "out" / "manifest.json").unlink()
    work = planned(diverse, folder, "segment")
    assert not work.complete
    assert work.left == []
    finish(work, [])
    assert content_of(tmp_path / "out") == whole


@pytest.fixture
def places(planned, worded):
    """Where the problems of a plan that must be refused are; what they say is in messages.yaml."""

    def refuse(kept, folder, task="segment", *, is_worded=True, **settings):
        with pytest.raises((MtlkdError, ExceptionGroup)) as error:
            planned(kept, folder, task, **settings)
        if is_worded:
            worded(error.value)
        return [problem.where for problem in getattr(error.value, "exceptions", [error.value])]

    return refuse


@pytest.mark.parametrize("whole", [True, False])
def test_an_output_of_something_else_is_refused_and_left_as_it_is(
    segments, diverse, other_diverse, planned, whole, places
):
    table, folder = segments
    work = planned(diverse, folder, "segment")
    relabel_alone(work)
    out = Path(work.out)
    if not whole:
        (out / "manifest.json").unlink()
        (out / "part-00002.parquet").unlink()
    before = content_of(out)
    judged = [str(out / "manifest.json")] if whole else [str(path) for path in sorted(out.iterdir())]
    assert places(other_diverse, folder, is_worded=whole) == judged
    for changed in ({"values": "probabilities"}, {"dtype": "float16"}, {"key": ("id",)}, {"task": "interests"}):
        assert places(diverse, folder, is_worded=whole, **changed) == judged
    assert places(diverse, folder, is_worded=whole, rows_per_part=1024) == judged
    pq.write_table(table.slice(1), folder / "00.parquet")
    assert places(diverse, folder, is_worded=whole) == judged
    assert content_of(out) == before


@pytest.mark.parametrize("name", ["notes.txt", "part-00005.parquet", "part-0.parquet"])
def test_a_folder_with_something_else_in_it_is_refused(segments, diverse, places, tmp_path, name):
    _, folder = segments
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    places(diverse, folder)


def test_a_file_in_the_place_of_the_output_is_refused(segments, diverse, places, tmp_path):
    _, folder = segments
    (tmp_path / "out").write_text("mine")
    places(diverse, folder)


@pytest.mark.parametrize("damage", ["cut", "flipped", "other", "empty"])
def test_a_damaged_part_is_named_and_not_overwritten(segments, diverse, planned, tmp_path, damage, places):
    _, folder = segments
    relabel_alone(planned(diverse, folder, "segment"))
    (tmp_path / "out" / "manifest.json").unlink()
    path = tmp_path / "out" / "part-00003.parquet"
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 3] ^= 1
    path.write_bytes({"cut": content[:-9], "flipped": bytes(flipped), "empty": b"", "other": b"PAR1"}[damage])
    before = content_of(tmp_path / "out")
    assert places(diverse, folder, is_worded=False) == [str(path)]
    assert content_of(tmp_path / "out") == before


def test_a_part_of_another_size_than_the_manifest_says_is_named(segments, diverse, planned, tmp_path, places):
    _, folder = segments
    relabel_alone(planned(diverse, folder, "segment"))
    path = tmp_path / "out" / "part-00003.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    assert places(diverse, folder, is_worded=False) == [str(path)]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"parts": 3}'])
def test_a_manifest_that_is_none_is_named(segments, diverse, places, tmp_path, content):
    _, folder = segments
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text(content)
    places(diverse, folder)


def test_what_the_data_set_lacks_is_named_with_file_and_column(segments, diverse, places):
    table, folder = segments
    column = table.column_names[0]
    pq.write_table(table.drop_columns([column]), folder / "02.parquet")
    places(diverse, folder)
    pq.write_table(table.set_column(0, column, table["id"]), folder / "02.parquet")
    places(diverse, folder)


def test_a_key_that_the_data_set_lacks_is_named(segments, diverse, places):
    places(diverse, segments[1], key=("nr",))


def test_files_with_different_key_columns_are_refused(segments, diverse, places):
    table, folder = segments
    pq.write_table(table.set_column(table.column_names.index("id"), "id", table["noise"]), folder / "02.parquet")
    places(diverse, folder, key=("id",))


def test_a_task_that_the_model_does_not_know_lists_those_that_it_knows(segments, diverse, places):
    places(diverse, segments[1], task="segmnt")


def test_a_data_set_without_rows_is_refused(segments, diverse, places, tmp_path):
    folder = write_data_set(tmp_path / "empty", segments[0].slice(0, 0), (0, 0))
    places(diverse, folder)


def test_a_row_that_does_not_fit_ends_the_part_and_leaves_no_file(texts, planned, tmp_path, refused):
    table = text_table(3000)
    column = [None if at == 2500 else text for at, text in enumerate(table["text"].to_pylist())]
    folder = write_data_set(tmp_path / "data", table.set_column(0, "text", pa.array(column)), (3000,))
    work = planned(texts, folder, "intent")
    worker = Worker(work.lean)
    worker.do(work.left[0])
    with refused():
        worker.do(work.left[1])
    assert [path.name for path in (tmp_path / "out").glob("*.parquet")] == ["part-00000.parquet"]


def test_a_teacher_that_was_replaced_in_between_is_an_error(
    segments, other_diverse, diverse, planned, monkeypatch, refused
):
    work = planned(diverse, segments[1], "segment").lean
    object.__setattr__(work.making, "model", other_diverse.uri)
    with refused():
        Worker(work)


def test_of_a_folder_of_one_model_a_task_the_task_s_labels(segments, diverse, planned, tmp_path):
    (tmp_path / "apart").mkdir()
    (tmp_path / "apart" / "segment").symlink_to(diverse.uri)
    work = planned(SimpleNamespace(uri=str(tmp_path / "apart")), segments[1], "segment")
    assert work.making.model == str(tmp_path / "apart" / "segment")


def test_what_an_actor_is_given_is_small_whatever_the_number_of_parts(segments, diverse, planned):
    work = planned(diverse, segments[1], "segment", rows_per_part=1024)
    assert work.lean.layout.parts == work.lean.source.files == work.lean.done == ()
    assert [work.lean.layout.name(part) for part in work.left] == [work.layout.name(part) for part in work.left]
