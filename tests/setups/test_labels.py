"""Label columns of every kind: what they may hold, what they become, and what is refused."""

import numpy as np
import pyarrow as pa
import pytest


@pytest.fixture
def tagging(files):
    files.spec = {"kind": "tagging", "data": "mail", "tokens": "words", "label": "tags", "metric": "span_f1"}
    rows = {"words": [["a", "b"], ["c"]], "tags": [["O", "B-X"], ["O"]]}
    files.tables = {split: dict(rows) for split in ("train", "valid", "test")}
    return files


@pytest.fixture
def multilabel(files):
    files.spec.update(kind="multilabel", metric="macro_f1")
    files.change("label", [[0], [2, 0], [], [2]], splits=("train",))
    files.change("label", [[0], []], splits=("valid", "test"))
    return files


def labels(files, split):
    return files.written().tasks[0].splits[split].labels


def test_names_are_coded_in_alphabetical_order(files):
    files.change("label", ["pay", "hi", "pay", "hi"], splits=("train",))
    files.change("label", ["pay", "hi"], splits=("valid", "test"))
    raw = files.written()
    assert raw.tasks[0].task.classes == ("hi", "pay")
    assert raw.tasks[0].splits["train"].labels.tolist() == [1, 0, 1, 0]


def test_names_that_differ_by_case_or_spaces_alone_are_told(files):
    files.change("label", ["pay", "Pay ", "hi", "pay"], splits=("train",))
    files.change("label", ["pay", "hi"], splits=("valid", "test"))
    (warning,) = [text for text in files.written().warnings if "'Pay '" in text]
    assert "'Pay ' (1 in train) and 'pay' (2 in train)" in warning


def test_names_follow_the_order_of_the_manifest(files):
    files.spec["classes"] = ["pay", "never", "hi"]
    files.change("label", ["pay", "hi", "pay", "hi"], splits=("train",))
    files.change("label", ["pay", "hi"], splits=("valid", "test"))
    raw = files.written()
    assert raw.tasks[0].task.classes == ("pay", "hi")
    assert raw.tasks[0].splits["train"].labels.tolist() == [0, 1, 0, 1]


def test_numbers_are_coded_in_numerical_order(files):
    files.change("label", [10, 9, 10, 9], splits=("train",))
    files.change("label", [10, 9], splits=("valid", "test"))
    raw = files.written()
    assert raw.tasks[0].task.classes == ("9", "10")
    assert raw.tasks[0].splits["train"].labels.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("values", [[False, True], [0, 1], [0.0, 1.0], pa.array([0, 1], pa.uint8())])
def test_binary_labels_may_be_booleans_or_numbers(files, values):
    files.spec.update(kind="binary", metric="f1")
    for split in files.tables:
        files.tables[split]["text"] = ["a", "b"]
    files.change("label", values)
    found = labels(files, "train")
    assert found.dtype == np.float32
    assert found.tolist() == [0.0, 1.0]


def test_dictionary_coded_names_are_names(files):
    files.change("label", pa.array(["b", "a", "b", "a"]).dictionary_encode(), splits=("train",))
    files.change("label", ["a", "b"], splits=("valid", "test"))
    assert labels(files, "train").tolist() == [1, 0, 1, 0]


def test_binary_names_need_an_order(files, worded):
    files.spec.update(kind="binary", metric="f1")
    files.change("label", ["yes", "no", "yes", "no"], splits=("train",))
    files.change("label", ["yes", "no"], splits=("valid", "test"))
    worded(files.problem())
    files.spec["classes"] = ["no", "yes"]
    assert labels(files, "train").tolist() == [1.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize("gap", [None, float("nan")])
def test_missing_labels_are_counted(files, gap, worded):
    files.change("label", [0.0, gap], splits=("test",))
    worded(files.problem())


def test_missing_labels_can_be_skipped(files):
    files.spec["missing_labels"] = "skip"
    files.change("label", [0.0, float("nan"), 1.0, 0.0], splits=("train",))
    raw = files.written()
    train = raw.tasks[0].splits["train"]
    assert train.row_ids.tolist() == [0, 2, 3]
    assert train.labels.tolist() == [0, 1, 0]
    assert train.inputs["text"].take(train.row_ids).to_pylist() == ["pay now", "pay me", "hello"]
    assert raw.warnings == ("tasks.intent: 1 of 4 rows (first: 1, counted from 0) of train have no label: left out",)


def test_a_split_whose_labels_are_all_missing_is_refused(files, worded):
    files.spec["missing_labels"] = "skip"
    files.change("label", pa.nulls(2), splits=("test",))
    worded(files.problem())


@pytest.mark.parametrize(("classes", "bad"), [(2, 2), (None, -7), (2, -7)])
def test_a_label_out_of_range_is_refused(files, classes, bad, worded):
    if classes is not None:
        files.spec["classes"] = classes
    files.change("label", [0, bad], splits=("test",))
    worded(files.problem())


def test_a_binary_label_beyond_1_is_refused(files, worded):
    files.spec.update(kind="binary", metric="f1")
    files.change("label", [0, 2], splits=("test",))
    worded(files.problem())


def test_a_name_that_is_not_in_the_manifest_is_refused(files, worded):
    files.spec["classes"] = ["a", "b"]
    files.change("label", ["a", "b", "a", "b"], splits=("train",))
    files.change("label", ["a", "c"], splits=("valid",))
    files.change("label", ["a", "b"], splits=("test",))
    worded(files.problem())


def test_fractions_are_no_classes(files, worded):
    files.change("label", [0.5, 1.0], splits=("valid",))
    worded(files.problem())


def test_numbers_of_any_size_are_classes(files):
    big = [2**63, 1, 2**63, 1]
    files.change("label", pa.array(big, pa.uint64()), splits=("train",))
    files.change("label", pa.array(big[:2], pa.uint64()), splits=("valid", "test"))
    task = files.written().tasks[0].task
    assert task.classes == ("1", str(2**63))
    assert task.answers == "names"


def test_lists_are_no_classes(files, worded):
    files.change("label", [[0], [1]], splits=("valid",))
    worded(files.problem())


@pytest.mark.parametrize("written", [["0", "1"], ["0.0", "1.0"], [0.0, 1.0], [False, True], ["False", "TRUE"]])
def test_a_label_is_a_value_however_a_split_writes_it(files, written):
    files.change("label", written, splits=("test",))
    assert labels(files, "test").tolist() == [0, 1]


def test_a_name_beside_numbers_is_a_class_of_its_own(files):
    files.change("label", ["10", "11", "12B", "10"], splits=("train",))
    files.change("label", ["10", "11"], splits=("valid", "test"))
    assert files.written().tasks[0].task.classes == ("10", "11", "12B")


def test_codes_are_kept_as_they_are_written(files):
    files.change("label", ["007", "1E2", "100", "0x10"], splits=("train",))
    files.change("label", ["007", "100"], splits=("valid", "test"))
    assert files.written().tasks[0].task.classes == ("100", "007", "0x10", "1E2")


def test_more_names_than_classes_are_refused(files, worded):
    files.spec["classes"] = 2
    files.change("label", ["a", "b", "c", "a"], splits=("train",))
    files.change("label", ["a", "b"], splits=("valid", "test"))
    worded(files.problem())


def test_a_train_table_of_one_class_is_refused(files, worded):
    files.change("label", [1, 1, 1, 1], splits=("train",))
    worded(files.problem())


def test_a_label_unseen_in_train_is_a_warning_and_a_miss(files):
    files.change("label", [0, 2], splits=("valid",))
    files.change("label", [3, 2], splits=("test",))
    raw = files.written()
    assert raw.tasks[0].task.classes == ("0", "1")
    assert raw.tasks[0].splits["valid"].labels.tolist() == [0, -1]
    assert raw.tasks[0].splits["test"].labels.tolist() == [-1, -1]
    assert raw.warnings == (
        "tasks.intent: 3 rows have a label that train never shows (1 in valid, 2 in test): they count as misses (2, 3)",
        "tasks.intent: no two rows of test have different labels that train shows: it cannot tell models apart",
    )


class TestRegression:
    @pytest.fixture
    def regression(self, files):
        files.spec.update(kind="regression", metric="rmse")
        files.change("label", [1.0, 2.0, 3.0, 6.0], splits=("train",))
        return files

    def test_center_and_scale_come_from_train_alone(self, regression):
        task = regression.written().tasks[0].task
        assert (task.center, task.scale) == (3.0, pytest.approx(np.std([1, 2, 3, 6])))
        assert labels(regression, "train").tolist() == [1.0, 2.0, 3.0, 6.0]

    def test_nan_labels_are_counted(self, regression, worded):
        regression.change("label", [float("nan"), 2.0], splits=("test",))
        worded(regression.problem())

    @pytest.mark.parametrize("value", [float("inf"), -1e39])
    def test_infinite_labels_are_refused(self, regression, value, worded):
        regression.change("label", [1.0, value], splits=("test",))
        worded(regression.problem())

    def test_texts_that_say_numbers_are_numbers(self, regression):
        regression.change("label", ["1", "2.5"], splits=("test",))
        assert labels(regression, "test").tolist() == [1.0, 2.5]

    @pytest.mark.parametrize("text", ["0x10", "1,5", "one", "True"])
    def test_other_texts_are_no_numbers(self, regression, text, worded):
        regression.change("label", ["1", text], splits=("test",))
        worded(regression.problem())

    def test_constant_labels_are_refused(self, regression, worded):
        regression.change("label", [2.0] * 4, splits=("train",))
        worded(regression.problem())


class TestMultilabel:
    def test_labels_become_columns_of_those_that_train_shows(self, multilabel):
        raw = multilabel.written()
        assert raw.tasks[0].task.classes == ("0", "2")
        assert raw.tasks[0].splits["train"].labels.tolist() == [[1, 0], [1, 1], [0, 0], [0, 1]]
        assert raw.tasks[0].splits["train"].labels.dtype == np.float32

    def test_labels_unseen_in_train_are_columns_of_their_own(self, multilabel):
        multilabel.change("label", [[1, 0], [3, 1]], splits=("test",))
        raw = multilabel.written()
        assert raw.tasks[0].splits["valid"].labels.shape == (2, 2)
        assert raw.tasks[0].splits["test"].labels.tolist() == [[1, 0, 1, 0], [0, 0, 1, 1]]
        assert "2 rows have a label that train never shows (0 in valid, 2 in test)" in raw.warnings[0]

    def test_names_are_labels_too(self, multilabel):
        multilabel.change("label", [["joy"], ["joy", "awe"], [], ["awe"]], splits=("train",))
        multilabel.change("label", [["awe"], []], splits=("valid", "test"))
        assert multilabel.written().tasks[0].task.classes == ("awe", "joy")

    def test_a_label_out_of_range_is_counted_by_row(self, multilabel, worded):
        multilabel.spec["classes"] = 3
        multilabel.change("label", [[], [3, 4]], splits=("test",))
        worded(multilabel.problem())

    def test_a_null_inside_a_list_is_a_missing_label(self, multilabel, worded):
        multilabel.change("label", [[0, None], None], splits=("test",))
        worded(multilabel.problem())

    def test_numbers_are_no_lists(self, multilabel, worded):
        multilabel.change("label", [0, 1], splits=("test",))
        worded(multilabel.problem())


class TestTagging:
    def test_tags_lie_end_to_end(self, tagging):
        raw = tagging.written()
        assert raw.tasks[0].task.classes == ("B-X", "O")
        assert raw.tasks[0].splits["test"].labels.tolist() == [1, 0, 1]

    def test_a_row_with_another_number_of_tags_is_refused(self, tagging, worded):
        tagging.change("tags", [["O", "B-X"], ["O", "O"]], splits=("valid",))
        worded(tagging.problem())

    def test_a_row_without_tokens_is_refused(self, tagging, worded):
        tagging.change("words", [["a", "b"], []], splits=("valid",))
        tagging.change("tags", [["O", "B-X"], []], splits=("valid",))
        worded(tagging.problem())

    def test_tags_that_are_not_bio_are_refused(self, tagging, worded):
        tagging.change("tags", [[0, 1], [0]])
        worded(tagging.problem())
        tagging.spec.update(classes=["O", "B-X", "I-X"], format="positions")
        assert tagging.written().tasks[0].task.classes == ("O", "B-X")

    def test_a_tag_unseen_in_train_is_a_miss(self, tagging):
        tagging.change("tags", [["O", "B-Y"], ["O"]], splits=("test",))
        raw = tagging.written()
        assert raw.tasks[0].splits["test"].labels.tolist() == [1, -1, 1]
        assert "1 row has a label that train never shows (0 in valid, 1 in test)" in raw.warnings[0]

    def test_a_row_whose_tags_are_missing_can_be_skipped(self, tagging):
        tagging.spec["missing_labels"] = "skip"
        tagging.change("tags", [None, ["O"]], splits=("test",))
        split = tagging.written().tasks[0].splits["test"]
        assert (split.labels.tolist(), split.row_ids.tolist()) == ([1], [1])
        assert split.inputs["words"].to_pylist() == [["a", "b"], ["c"]]


class TestFormat:
    """What labels are: names, positions in `classes`, or a 0 or 1 for each."""

    def test_names_that_are_digits_are_names(self, files):
        files.spec["classes"] = ["1", "2", "3"]
        files.change("label", [1, 2, 3, 1], splits=("train",))
        files.change("label", [2, 3], splits=("valid", "test"))
        assert files.written().tasks[0].task.classes == ("1", "2", "3")
        assert labels(files, "valid").tolist() == [1, 2]

    def test_numbers_beside_names_need_a_word(self, files):
        files.spec["classes"] = ["pay", "hi"]
        files.write()
        problems = files.problems()
        assert all("format: positions" in problem.fix for problem in problems)
        assert len(problems) == 3
        files.spec["format"] = "positions"
        assert files.written().tasks[0].task.classes == ("pay", "hi")

    def test_vectors_of_0_and_1_need_a_word(self, multilabel):
        multilabel.change("label", [[0, 1, 0], [1, 0, 1], [0, 0, 0], [1, 1, 1]], splits=("train",))
        multilabel.change("label", [[0, 1, 0], [1, 0, 0]], splits=("valid", "test"))
        multilabel.write()
        assert {problem.where.rpartition(".")[2] for problem in multilabel.problems()} == {"parquet:label"}
        multilabel.spec.update(format="indicator", classes=["awe", "joy", "fear"])
        raw = multilabel.written()
        assert raw.tasks[0].task.classes == ("awe", "joy", "fear")
        assert raw.tasks[0].splits["train"].labels.tolist() == [[0, 1, 0], [1, 0, 1], [0, 0, 0], [1, 1, 1]]

    @pytest.mark.parametrize("row", [[0, 1], [0, 2, 0], ["x", "0", "1"]])
    def test_a_row_that_is_no_indicator_is_refused(self, multilabel, row, worded):
        multilabel.change("label", [[0, 1, 0], [1, 0, 1], [0, 0, 0], [1, 1, 1]], splits=("train",))
        multilabel.change("label", [[0, 1, 0], [1, 0, 0]], splits=("valid",))
        multilabel.change("label", [[str(item) for item in one] for one in ([0, 1, 0], row)], splits=("test",))
        multilabel.spec["format"] = "indicator"
        worded(multilabel.problem())

    def test_a_label_that_only_left_out_rows_hold_is_no_class(self, multilabel):
        multilabel.spec["missing_labels"] = "skip"
        multilabel.change("label", [["b"], ["a", ""], ["c"], ["b", "c"]], splits=("train",))
        multilabel.change("label", [["b"], ["c"]], splits=("valid", "test"))
        assert multilabel.written().tasks[0].task.classes == ("b", "c")


@pytest.mark.parametrize(
    "encode",
    [
        lambda labels: labels.dictionary_encode(),
        lambda labels: labels.cast(pa.string()).dictionary_encode(),
        lambda labels: labels.cast(pa.float64()),
        lambda labels: labels.cast(pa.decimal128(20, 0)),
        lambda labels: labels.cast(pa.string()).cast(pa.string_view()),
        lambda labels: labels.cast(pa.string()).cast(pa.binary()),
        pa.compute.run_end_encode,
    ],
)
def test_a_label_is_the_same_in_every_encoding(files, encode):
    files.write()
    for split in files.tables:
        files.path(split).unlink()
        table = pa.table(files.tables[split] | {"label": encode(pa.array(files.tables[split]["label"], pa.int64()))})
        with pa.ipc.new_file(str(files.path(split, ".arrow")), table.schema) as writer:
            writer.write_table(table)
    task = files.read().tasks[0]
    assert task.task.classes == ("0", "1")
    assert task.task.answers == "numbers"
    assert task.splits["train"].labels.tolist() == [0, 1, 0, 1]


def test_targets_far_from_0_are_learned_from(files):
    files.spec.update(kind="regression", metric="r2")
    far = 1.7e9 + np.array([0.0, 301.0, 2.0, 359.0])
    files.change("label", far, splits=("train",))
    files.change("label", far[:2], splits=("valid", "test"))
    task = files.written().tasks[0]
    assert (task.task.center, task.task.scale) == (far.mean(), pytest.approx(far.std()))
    assert labels(files, "train").tolist() == far.tolist()


def test_targets_that_hardly_differ_are_refused(files, worded):
    files.spec.update(kind="regression", metric="r2")
    files.change("label", [1e16, 1e16 + 2, 1e16, 1e16 + 2], splits=("train",))
    worded(files.problem())


def test_a_split_of_one_label_is_a_warning(files):
    files.change("label", [1, 1], splits=("valid",))
    (said,) = files.written().warnings
    assert said.startswith("tasks.intent: no two rows of valid have different labels")


def test_classes_are_named_as_yaml_writes_them(files):
    files.spec.update(kind="binary", metric="f1")
    files.change("label", ["yes", "no", "yes", "no"], splits=("train",))
    files.change("label", ["yes", "no"], splits=("valid", "test"))
    files.write()
    files.manifest.write_text(
        files.manifest.read_text().replace("label: label", "label: label\n    classes: [no, yes]")
    )
    assert files.read().tasks[0].task.classes == ("no", "yes")
