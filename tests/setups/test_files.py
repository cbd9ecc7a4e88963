"""Which files are the tables of a split, and what a CSV says."""

import gzip
import unicodedata

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from ray_mtlkd.data.examples import SPLITS

TABLE = "text,label\npay now,0\nhello,1\n"


@pytest.fixture
def empty(files):
    """A setup whose folder has no table yet."""
    files.write()
    for split in SPLITS:
        files.path(split).unlink()
    return files


def train_texts(files):
    return files.read().tasks[0].splits["train"].inputs["text"].to_pylist()


def write(files, content, ending=".csv", splits=SPLITS):
    for split in splits:
        data = content.encode() if isinstance(content, str) else content
        files.path(split, ending).write_bytes(gzip.compress(data) if ending.endswith(".gz") else data)


@pytest.mark.parametrize("ending", [".csv", ".CSV", ".csv.gz", ".Csv.GZ"])
def test_a_csv_is_read_packed_or_not_and_in_any_case(empty, ending):
    content = TABLE.encode()
    for split in SPLITS:
        packed = gzip.compress(content) if ending.lower().endswith(".gz") else content
        empty.path(split, ending).write_bytes(packed)
    assert train_texts(empty) == ["pay now", "hello"]


def test_a_damaged_gz_file_is_refused(empty):
    write(empty, TABLE, ".csv.gz")
    empty.path("valid", ".csv.gz").write_bytes(gzip.compress(TABLE.encode())[:-12])
    (problem,) = empty.problems()
    assert problem.where.endswith("valid.csv.gz")


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_delimiter_is_the_one_by_which_the_header_has_the_columns(empty, delimiter):
    write(empty, TABLE.replace(",", delimiter))
    assert train_texts(empty) == ["pay now", "hello"]


def test_a_column_that_a_file_of_semicolons_lacks_is_named_though_its_numbers_have_commas(empty, worded):
    write(empty, "body;size;label\nhello;1,5;0\nbye;2,5;1\n")
    worded(empty.problems()[0])


def test_a_comma_in_a_cell_is_no_delimiter_of_a_file_of_semicolons(empty):
    write(empty, "text;label\npay, now;0\nhello;1\n")
    assert train_texts(empty) == ["pay, now", "hello"]


def test_a_folder_of_parquet_parts_is_one_table(empty):
    for split in SPLITS:
        folder = empty.path(split, ".parquet")
        (folder / "more").mkdir(parents=True)
        pq.write_table(pa.table({"text": ["pay"], "label": [0]}), folder / "part-0.parquet")
        pq.write_table(pa.table({"text": ["hello"], "label": [1]}), folder / "more" / "part-1.parquet")
        (folder / "_SUCCESS").touch()
        (folder / ".part-0.parquet.crc").touch()
    assert train_texts(empty) == ["hello", "pay"]


def test_shards_are_one_table(empty):
    for split in SPLITS:
        pq.write_table(pa.table({"text": ["pay"], "label": [0]}), empty.path(split, "-00000-of-00002.parquet"))
        pq.write_table(pa.table({"text": ["hello"], "label": [1]}), empty.path(split, "-00001-of-00002.parquet"))
    assert train_texts(empty) == ["pay", "hello"]
    empty.path("valid", "-00000-of-00002.parquet").unlink()
    (problem,) = empty.problems()
    assert problem.where.endswith("valid-00001-of-00002.parquet")


def test_a_file_where_a_folder_is_meant_is_named(empty):
    (empty.folder / "shop.csv").write_text(TABLE)
    empty.spec["data"] = "shop.csv"
    empty.manifest.write_text(str({"name": "shop", "tasks": {"intent": empty.spec}}))
    (problem,) = empty.problems()
    assert problem.where.endswith("shop.csv")


def test_headers_are_the_same_however_their_letters_are_composed(empty):
    name = "prénom"
    write(empty, TABLE.replace("text", unicodedata.normalize("NFD", name)))
    empty.spec["text"] = [unicodedata.normalize("NFC", name)]
    empty.manifest.write_text(str({"name": "shop", "tasks": {"intent": empty.spec}}))
    assert empty.read().tasks[0].splits["train"].inputs.column_names == [name]


def test_a_byte_order_mark_is_no_part_of_a_name(empty):
    write(empty, b"\xef\xbb\xbf" + TABLE.encode())
    assert train_texts(empty) == ["pay now", "hello"]


def test_a_cell_that_swallows_many_lines_is_told_with_its_line(empty):
    rows = [f"row {at},{at % 2}" for at in range(60)]
    rows[5], rows[30] = '"row 5,1', 'row 30",0'
    write(empty, TABLE)
    write(empty, "text,label\n" + "\n".join(rows) + "\n", splits=("train",))
    (warning,) = (said for said in empty.read().warnings if "quoted cell" in said)
    assert "begins in line 7 and spans 26 lines" in warning


def test_a_cell_of_a_few_lines_is_in_order(empty):
    write(empty, 'text,label\n"pay\nnow",0\nhello,1\n')
    assert empty.read().warnings == ()
    assert train_texts(empty) == ["pay\nnow", "hello"]


class TestMissing:
    @pytest.fixture
    def dense(self, empty):
        del empty.spec["text"]
        empty.spec["columns"] = {"numeric": ["age"], "categorical": ["city"]}
        write(empty, "age,city,label\n1,Ulm,0\nNA,null,1\n,,0\n4,NA,1\n")
        return empty

    def rewrite(self, files, **changes):
        files.spec.update(changes)
        files.manifest.write_text(str({"name": "shop", "tasks": {"intent": files.spec}}))
        return files

    def test_markers_are_missing_and_counted(self, dense):
        raw = self.rewrite(dense).read()
        train = raw.tasks[0].splits["train"].inputs
        assert train["age"].to_pylist() == [1.0, None, None, 4.0]
        assert train["city"].to_pylist() == ["Ulm", None, None, None]
        assert [said.split(" (")[0] for said in raw.warnings] == [
            "mail:age: read as missing: 'NA' 3",
            "mail:city: read as missing: 'NA' 3, 'null' 3",
        ]

    def test_a_manifest_has_markers_of_its_own(self, dense):
        raw = self.rewrite(dense, na_values={"age": ["NA", 4], "city": []}).read()
        train = raw.tasks[0].splits["train"].inputs
        assert train["age"].to_pylist() == [1.0, None, None, None]
        assert train["city"].to_pylist() == ["Ulm", "null", None, "NA"]

    def test_markers_of_a_label_are_missing_labels(self, dense):
        write(dense, "age,city,label\n1,Ulm,0\n2,Ulm,1\n3,Ulm,-1\n")
        raw = self.rewrite(dense, na_values=[-1], missing_labels="skip").read()
        assert raw.tasks[0].splits["test"].row_ids.tolist() == [0, 1]

    def test_a_label_of_minus_1_is_an_error_that_says_what_it_often_is(self, dense):
        write(dense, "age,city,label\n1,Ulm,0\n2,Ulm,1\n3,Ulm,-1\n")
        problems = self.rewrite(dense).problems()
        assert all("na_values: ['-1']" in problem.fix for problem in problems)

    def test_a_class_that_is_called_like_a_marker_is_a_class(self, dense):
        write(dense, "age,city,label\n1,Ulm,NA\n2,Ulm,EU\n")
        task = self.rewrite(dense, classes=["EU", "NA"]).read().tasks[0]
        assert task.splits["train"].labels.tolist() == [1, 0]


class TestCsvFormat:
    """What a manifest says under `csv`, and lists in cells."""

    @pytest.fixture
    def written(self, empty):
        """A setup of one CSV table, and what it is read as."""

        def make(content, encoding="utf-8", **spec):
            write(empty, content.encode(encoding))
            empty.spec.update(spec)
            empty.manifest.write_text(yaml.safe_dump({"name": "shop", "tasks": {"intent": empty.spec}}))
            return empty

        return make

    @pytest.mark.parametrize(
        ("encoding", "csv"),
        [("cp1252", {"encoding": "Latin1"}), ("utf-16", {}), ("utf-16-be", {"encoding": "utf-16-be"})],
    )
    def test_texts_are_read_in_the_encoding_that_is_said_or_marked(self, written, encoding, csv):
        files = written("größe,label\nschön,0\nübel,1\n", encoding, text=["größe"], csv=csv)
        assert files.read().tasks[0].splits["train"].inputs["größe"].to_pylist() == ["schön", "übel"]

    def test_a_delimiter_that_is_said_and_wrong_is_told_with_the_right_one(self, written, worded):
        problem = written("text;label\nfine;0\n", csv={"delimiter": ","}).problems()[0]
        assert problem.where.endswith("train.csv")
        worded(problem)

    @pytest.mark.parametrize(
        ("column", "csv", "where"),
        [
            ("gr\u00f6\u00dfe", {}, "train.csv"),
            ("text", {}, "train.csv:text"),
            ("text", {"encoding": "ascii"}, "train.csv"),
            ("text", {"encoding": "utf-16"}, "train.csv"),
            ("text", {"encoding": "latin-99"}, "tasks.intent.csv.encoding"),
            ("text", {"delimiter": "||"}, "tasks.intent.csv.delimiter"),
            ("text", {"thousands": "."}, "tasks.intent.csv.thousands"),
        ],
        ids=["header", "cells", "ascii", "no mark", "unknown", "delimiter", "thousands"],
    )
    def test_another_encoding_is_one_error_that_says_what_to_do(self, written, column, csv, where, worded):
        problem = written(f"{column},label\nschön,0\n", "cp1252", csv=csv).problems()[0]
        assert problem.where.endswith(where)
        worded(problem)

    @pytest.mark.parametrize(
        ("cell", "csv", "value"),
        [
            ("1.234,5", {"decimal": ",", "thousands": "."}, 1234.5),
            ("-12,50", {"decimal": ","}, -12.5),
            ("1 234,5", {"decimal": ",", "thousands": " "}, 1234.5),
            ("1\u202f234", {"thousands": " "}, 1234.0),
            ("1'234.5e1", {"thousands": "'"}, 12345.0),
            (",5", {"decimal": ","}, 0.5),
            ("NA", {"decimal": ","}, None),
            ("1.5", {"decimal": ","}, "refused"),
            ("1.23", {"decimal": ",", "thousands": "."}, "refused"),
            ("12,34,567", {"thousands": ","}, "refused"),
        ],
    )
    def test_numbers_are_what_their_marks_say(self, written, cell, csv, value):
        files = written(
            f"size;label\n{cell};0\n7;1\n", text=None, columns={"numeric": ["size"]}, csv={**csv, "delimiter": ";"}
        )
        if value == "refused":
            assert all(problem.where.endswith("train.csv:size") for problem in files.problems()[:1])
            assert files.problems()
        else:
            assert files.read().tasks[0].splits["train"].inputs["size"].to_pylist() == [value, 7.0]

    def test_labels_and_weights_have_the_same_marks_as_inputs(self, written):
        spec = {"kind": "regression", "metric": "mae", "weight_column": "w", "csv": {"decimal": ","}}
        train = written("text;label;w\na;1,5;0,5\nb;2;1\n", **spec).read().tasks[0].splits["train"]
        assert train.labels.tolist() == [1.5, 2.0]
        assert train.weights.tolist() == pytest.approx([2 / 3, 4 / 3])

    def test_cells_hold_lists_where_a_separator_is_said(self, written):
        spec = {"kind": "multilabel", "metric": "micro_f1", "separator": ";"}
        task = written("text,label\na,red; blue\nb,red\nc,\n", **spec).read().tasks[0]
        assert task.task.classes == ("blue", "red")
        assert task.splits["train"].labels.tolist() == [[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]

    def test_a_marker_for_a_list_means_that_there_is_none(self, written):
        spec = {"kind": "multilabel", "metric": "micro_f1", "separator": ";", "missing_labels": "skip"}
        task = written("text,label\na,red;blue\nb,NA\nc,\n", **spec).read().tasks[0]
        assert task.splits["train"].row_ids.tolist() == [0, 2]
        task = written("text,label\na,red;blue\nb,\n", **spec, na_values=[""]).read().tasks[0]
        assert task.splits["train"].row_ids.tolist() == [0]

    def test_words_and_their_tags_may_be_texts(self, written):
        spec = {"text": None, "tokens": "words", "kind": "tagging", "metric": "span_f1", "separator": " "}
        files = written("words,label\nwe saw  Rome,O O B-X\nhi,O\n", **spec)
        assert files.read().tasks[0].splits["train"].inputs["words"].to_pylist() == [["we", "saw", "Rome"], ["hi"]]
        (problem, *_) = written("words,label\nwe saw,O\nhi,O\n", **spec).problems()
        assert problem.where.endswith("train.csv:label")

    def test_vectors_may_be_texts_with_a_separator_of_their_own(self, written):
        spec = {"text": None, "vector": "v", "separator": {"v": " "}}
        files = written("v,label\n0.5 1,0\n2 3e1,1\n", **spec)
        assert files.read().tasks[0].splits["train"].inputs["v"].to_pylist() == [[0.5, 1.0], [2.0, 30.0]]
        assert written("v,label\n0.5 x,0\n2 3,1\n", **spec).problems()[0].where.endswith("train.csv:v")
