"""Bad tables at the door: one clear error each, through real files."""

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest


def invalid_utf8(*texts):
    """Strings that a writer never checked."""
    whole = pa.array(texts, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(texts), whole.buffers())


def test_sound_tables_are_read_in_order(files):
    raw = files.written()
    task = raw.tasks[0]
    assert task.task.classes == ("0", "1")
    assert task.splits["train"].labels.tolist() == [0, 1, 0, 1]
    assert task.splits["train"].row_ids.tolist() == [0, 1, 2, 3]
    assert task.splits["test"].inputs["text"].to_pylist() == ["pay you", "oh hello"]
    assert raw.warnings == ()


def test_a_missing_file_is_named(files, worded):
    files.write()
    files.path("valid").unlink()
    (problem,) = files.problems()
    worded(problem)


def test_two_files_for_one_split_are_refused(files, worded):
    files.write()
    files.path("valid", ".csv").write_text("text,label\npay,0\n")
    worded(files.problems()[0])


def test_a_missing_folder_says_where_to_look(files, worded):
    files.write()
    for split in files.tables:
        files.path(split).unlink()
    (found,) = files.problems()
    worded(found)


def test_a_missing_column_lists_the_columns_that_are_there(files, worded):
    files.change("words", ["a", "b"], splits=("valid",))
    del files.tables["valid"]["text"]
    worded(files.problem())


def test_a_column_that_stands_twice_is_refused(files, worded):
    files.write()
    columns = [pa.array(["a", "b"]), pa.array(["a", "b"]), pa.array([0, 1])]
    pq.write_table(pa.Table.from_arrays(columns, ["text", "text", "label"]), files.path("valid"))
    worded(files.problems()[0])


def test_numbers_are_no_text(files, worded):
    files.change("text", [1, 2], splits=("valid",))
    worded(files.problem())


def test_null_texts_are_counted(files, worded):
    files.change("text", ["a", None], splits=("test",))
    worded(files.problem())


def test_invalid_utf8_in_parquet_is_found_with_its_row(files, worded):
    files.change("text", invalid_utf8(b"fine", b"\xe9t\xe9"), splits=("test",))
    worded(files.problem())


def test_an_empty_split_is_refused(files, worded):
    files.tables["test"] = {"text": pa.array([], pa.string()), "label": pa.array([], pa.int64())}
    worded(files.problem())


@pytest.mark.parametrize("keep", [0, 3, 0.5, -5])
def test_a_truncated_parquet_file_is_refused(files, keep):
    files.write()
    whole = files.path("valid").read_bytes()
    files.path("valid").write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    (found,) = files.problems()
    assert found.where.endswith("valid.parquet")


def test_damaged_pages_of_a_parquet_file_are_refused(files):
    files.write()
    pq.write_table(pa.table(files.tables["train"]), files.path("train"), compression="zstd", use_dictionary=False)
    whole = bytearray(files.path("train").read_bytes())
    whole[4:80] = b"\x00" * 76
    files.path("train").write_bytes(bytes(whole))
    assert files.problems()[0].where.endswith("train.parquet")


def test_arrow_files_and_streams_are_read(files):
    files.write()
    table = pq.read_table(files.path("valid"))
    files.path("valid").unlink()
    with pa.ipc.new_stream(files.path("valid", ".arrow"), table.schema) as writer:
        writer.write_table(table)
    files.path("test").unlink()
    with pa.ipc.new_file(files.path("test", ".feather"), table.schema) as writer:
        writer.write_table(table)
    splits = files.read().tasks[0].splits
    assert splits["valid"].inputs.equals(splits["test"].inputs)


def test_a_truncated_arrow_file_is_refused(files):
    files.write()
    files.path("valid").unlink()
    files.path("valid", ".arrow").write_bytes(b"ARROW1\x00\x00abc")
    assert files.problems()[0].where.endswith("valid.arrow")


class TestCsv:
    @pytest.fixture
    def csv(self, files):
        files.write()
        for split in files.tables:
            files.path(split).unlink()
            files.path(split, ".csv").write_text('text,label\n"pay, now",0\nhello,1\n123,0\n')
        return files

    def test_a_text_that_looks_like_a_number_stays_text(self, csv):
        assert csv.read().tasks[0].splits["train"].inputs["text"].to_pylist() == ["pay, now", "hello", "123"]

    def test_a_text_may_be_longer_than_what_arrow_parses_at_a_time_by_itself(self, csv):
        long = "word " * 600_000
        csv.path("test", ".csv").write_text(f"text,label\nfine,0\n{long},1\n")
        assert csv.read().tasks[0].splits["test"].inputs["text"].to_pylist() == ["fine", long]

    def test_invalid_utf8_is_found_with_its_row(self, csv, worded):
        csv.path("test", ".csv").write_bytes(b"text,label\nfine,0\n\xe9t\xe9,1\n")
        worded(csv.problems()[0])

    def test_invalid_utf8_in_a_label_is_found_with_its_row(self, csv, worded):
        csv.path("test", ".csv").write_bytes(b"text,label\nfine,a\nx,\xe9t\xe9\n")
        worded(csv.problems()[0])

    def test_a_row_of_another_length_is_refused(self, csv):
        csv.path("test", ".csv").write_text("text,label\nfine,0,1\n")
        assert csv.problems()[0].where.endswith("test.csv")

    def test_an_empty_file_is_refused(self, csv, worded):
        csv.path("test", ".csv").write_text("")
        worded(csv.problems()[0])

    def test_an_empty_label_cell_is_a_missing_label(self, csv, worded):
        csv.path("test", ".csv").write_text("text,label\nfine,0\noh,\n")
        worded(csv.problems()[0])

    def test_lists_need_another_format(self, csv, worded):
        csv.spec.update(kind="tagging", metric="span_f1", tokens="text", text=None)
        del csv.spec["text"]
        csv.manifest.write_text(str({"name": "shop", "tasks": {"tags": csv.spec}}))
        worded(csv.problems()[0])


def test_problems_of_all_tables_are_told_together(files):
    files.change("text", ["a", None], splits=("valid",))
    files.change("label", [0, None], splits=("valid",))
    del files.tables["test"]["label"]
    files.write()
    places = sorted(problem.where.rpartition("/")[2] for problem in files.problems())
    assert places == ["test.parquet", "valid.parquet:label", "valid.parquet:text"]


class TestDense:
    @pytest.fixture
    def dense(self, files):
        del files.spec["text"]
        files.spec["columns"] = {"numeric": ["age"], "categorical": ["city"]}
        for table in files.tables.values():
            table["age"] = [float(at) for at in range(len(table["label"]))]
            table["city"] = ["Ulm"] * len(table["label"])
        return files

    def test_null_and_nan_numbers_pass(self, dense):
        dense.change("age", [None, float("nan")], splits=("valid",))
        assert dense.written().tasks[0].splits["valid"].inputs["age"].null_count == 2

    @pytest.mark.parametrize("value", [float("-inf"), 1e39])
    def test_numbers_that_float32_cannot_hold_are_refused(self, dense, value, worded):
        dense.change("age", [1.0, value], splits=("valid",))
        worded(dense.problem())

    def test_text_is_no_number(self, dense, worded):
        dense.change("age", ["old", "young"], splits=("valid",))
        worded(dense.problem())

    def test_a_time_is_no_category(self, dense, worded):
        dense.change("city", pa.array([0, 1], pa.timestamp("ms")), splits=("valid",))
        worded(dense.problem())

    def test_a_column_without_a_train_value_is_refused(self, dense, worded):
        dense.change("age", pa.nulls(4, pa.float64()), splits=("train",))
        worded(dense.problem())


class TestVectors:
    @pytest.fixture
    def vectors(self, files):
        del files.spec["text"]
        files.spec["vector"] = "v"
        for table in files.tables.values():
            table["v"] = [[1.0, 2.0]] * len(table["label"])
        return files

    def test_rows_of_another_length_are_refused(self, vectors, worded):
        vectors.change("v", [[1.0, 2.0], [1.0]], splits=("valid",))
        worded(vectors.problem())

    def test_splits_of_another_length_are_refused(self, vectors, worded):
        vectors.change("v", [[1.0], [1.0]], splits=("valid",))
        worded(vectors.problem())

    @pytest.mark.parametrize("value", [None, float("nan"), float("inf"), 1e39])
    def test_numbers_that_are_not_finite_are_refused(self, vectors, value, worded):
        vectors.change("v", [[1.0, 2.0], [value, 2.0]], splits=("valid",))
        worded(vectors.problem())

    @pytest.mark.parametrize("value", [None, []])
    def test_a_row_without_a_vector_is_refused(self, vectors, value, worded):
        vectors.change("v", [[1.0, 2.0], value], splits=("valid",))
        worded(vectors.problem())

    def test_fixed_size_lists_are_vectors(self, vectors):
        values = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(4, dtype=np.float32)), 2)
        vectors.change("v", values, splits=("valid",))
        assert vectors.written().tasks[0].splits["valid"].inputs["v"].to_pylist() == [[0.0, 1.0], [2.0, 3.0]]
