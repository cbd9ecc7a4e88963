"""Which files are the tables of a split, and what a CSV says."""

import gzip
import unicodedata

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

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
