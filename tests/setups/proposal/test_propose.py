"""What tables that nobody has described seem to be."""

import csv

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ray_mtlkd.setups.files import FolderSource
from ray_mtlkd.setups.manifest_reader import parse_manifest
from ray_mtlkd.setups.proposal import manifest_text, propose
from ray_mtlkd.setups.tables import read_setup
from ray_mtlkd.yaml_files import parse_yaml

N = 120


def _prose(start=0):
    return [f"some words about thing number {at % 40 + start}" for at in range(N)]


def _cycle(*values):
    return [values[at % len(values)] for at in range(N)]


WORDS = [["we", "saw", f"place{at}", "once"] for at in range(N)]
TABLES = {
    "classes of a text": (
        {"id": range(N), "text": _prose(), "label": _cycle("a", "b", "c")},
        "multiclass",
        "text",
        "accuracy",
    ),
    "uneven classes": (
        {"text": _prose(), "label": ["a"] * 100 + ["b"] * 15 + ["c"] * 5},
        "multiclass",
        "text",
        "macro_f1",
    ),
    "two names": ({"text": _prose(), "sentiment": _cycle("good", "bad")}, "binary", "text", "auc"),
    "a rare class": ({"text": _prose(), "is_fraud": [1] * 12 + [0] * 108}, "binary", "text", "average_precision"),
    "flags": ({"age": [20 + at % 50 for at in range(N)], "churned": _cycle("no", "yes")}, "binary", "columns", "auc"),
    "numbers": (
        {"city": _cycle("x", "y"), "size": [at / 7 for at in range(N)], "price": [at * 1.5 for at in range(N)]},
        "regression",
        "columns",
        "r2",
    ),
    "stars": ({"text": _prose(), "rating": _cycle(1, 2, 3, 4, 5)}, "regression", "text", "r2"),
    "two texts": (
        {"text_a": _prose(), "text_b": _prose(9), "other": _prose(5), "label": _cycle(0, 1)},
        "binary",
        "pair",
        "auc",
    ),
    "two sides of texts": (
        {"left_title": _prose(), "right_title": _prose(9), "other": _prose(5), "label": _cycle(0, 1)},
        "binary",
        "pair",
        "auc",
    ),
    "lists of names": ({"text": _prose(), "tags": _cycle(["x"], ["x", "y"], ["z"])}, "multilabel", "text", "micro_f1"),
    "lists of numbers": ({"text": _prose(), "labels": _cycle([0], [0, 1], [2])}, "multilabel", "text", "micro_f1"),
    "indicators": (
        {"text": _prose(), "labels": _cycle([0, 1, 0], [1, 1, 0], [0, 0, 1])},
        "multilabel",
        "text",
        "micro_f1",
    ),
    "tags of words": ({"tokens": WORDS, "ner_tags": [["O", "O", "B-LOC", "O"]] * N}, "tagging", "tokens", "span_f1"),
    "numbered tags": (
        {
            "tokens": [w[: 3 + at % 2] for at, w in enumerate(WORDS)],
            "tags": [[0, 0, 1, 2][: 3 + at % 2] for at in range(N)],
        },
        "tagging",
        "tokens",
        "span_f1",
    ),
    "grades of queries": (
        {
            "query_id": [at // 4 for at in range(N)],
            "x": _cycle(3, 1, 2),
            "y": _cycle(0.5, 1.5),
            "relevance": _cycle(0, 1, 2, 0),
        },
        "ranking",
        "columns",
        "ndcg@10",
    ),
    "vectors": (
        {"embedding": [[at / 10, 1.0, 2.0] for at in range(N)], "label": _cycle("a", "b", "c")},
        "multiclass",
        "vector",
        "accuracy",
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_proposed_as_what_it_is_and_can_be_read_so(name, tmp_path):
    columns, kind, form, metric = TABLES[name]
    pq.write_table(
        pa.table({column: pa.array(list(values)) for column, values in columns.items()}), tmp_path / "t.parquet"
    )
    ((proposal,), problems) = propose(tmp_path, name="mine")
    (task,) = proposal.tasks
    assert not problems
    assert (task.kind, task.form, task.keys["metric"][0]) == (kind, form, metric)
    manifest = parse_manifest(parse_yaml(manifest_text("mine", proposal.tasks), where="m"), where="m")
    (read,) = read_setup(manifest, FolderSource(tmp_path)).tasks
    assert len(read.splits["train"].row_ids) == proposal.rows


def test_numbers_and_categories_stand_beside_a_text(tmp_path):
    beside = {"stars_given": _cycle(1, 2, 3), "shop": _cycle("x", "y"), "code": [f"c{at % 60}" for at in range(N)]}
    pq.write_table(pa.table({"review": _prose(), **beside, "label": _cycle("a", "b")}), tmp_path / "reviews.parquet")
    pq.write_table(pa.table({"text": _prose(), "label": _cycle("a", "b")}), tmp_path / "mail.parquet")
    ((proposal,), problems) = propose(tmp_path)
    assert not problems
    mail, reviews = proposal.tasks
    assert reviews.plain["text"] == ["review"]
    assert reviews.plain["columns"] == {"numeric": ["stars_given"], "categorical": ["shop"]}
    assert [note for note in reviews.notes if "code" in note] == ["not read: code (beside text)"]
    assert (mail.has_columns_beside, reviews.has_columns_beside, proposal.has_columns_beside) == (False, True, True)


def test_a_csv_of_any_delimiter_is_read_and_what_is_no_input_is_told(tmp_path):
    with (tmp_path / "reviews.csv").open("w") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(["id", "customer_id", "empty", "same", "review", "stars", "split"])
        rows.writerows([at, f"C{at % 30}", "", "x", _prose()[at], at % 5 + 1, "train"] for at in range(N))
    ((proposal,), _) = propose(tmp_path)
    (task,) = proposal.tasks
    assert (task.plain["text"], task.plain["label"], task.plain["split"]["by"]) == (["review"], "stars", "customer_id")
    left_out = {note.split(" ")[2] for note in task.notes if note.startswith("not read")}
    assert left_out == {"id", "customer_id", "empty", "same", "split"}


@pytest.mark.parametrize(
    ("cells", "sort"),
    [
        (("1", "2.5", "-"), "categorical"),
        (("007", "008", "009"), "categorical"),
        (("1", "2", "inf"), "categorical"),
        (("+5", ".5", "1e5"), "numeric"),
        (("NA", "1", "2"), "numeric"),
    ],
)
def test_numbers_are_what_the_reader_of_tables_takes_for_them_and_codes_are_none(tmp_path, cells, sort):
    with (tmp_path / "t.csv").open("w") as file:
        rows = csv.writer(file)
        rows.writerow(["x", "size", "label"])
        rows.writerows([cells[at % 3], at / 7, "ab"[at % 2]] for at in range(N))
    ((proposal,), _) = propose(tmp_path)
    assert "x" in proposal.tasks[0].plain["columns"][sort]


def test_rows_without_a_label_and_names_that_yaml_would_read_otherwise_are_written_so_that_they_are_read(tmp_path):
    labels = [None if at < 9 else ("yes" if at % 3 else "no") for at in range(N)]
    pq.write_table(pa.table({"a: text #1": _prose(), "label": labels}), tmp_path / "t.parquet")
    ((proposal,), _) = propose(tmp_path)
    task = parse_yaml(manifest_text("m", proposal.tasks), where="m")["tasks"]["t"]
    assert (task["classes"], task["missing_labels"], task["text"]) == (["no", "yes"], "skip", ["a: text #1"])


def test_texts_and_numbers_are_setups_of_their_own_and_what_is_no_task_is_told(tmp_path):
    pq.write_table(pa.table({"text": _prose(), "label": _cycle("a", "b")}), tmp_path / "mail.parquet")
    pq.write_table(
        pa.table({"age": [at % 70 for at in range(N)], "label": _cycle("a", "b")}), tmp_path / "people.parquet"
    )
    pq.write_table(pa.table({"text": _prose(), "id": list(range(N))}), tmp_path / "none.parquet")
    pq.write_table(pa.table({"label": _cycle("a", "b")}), tmp_path / "alone.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    (tmp_path / "notes.txt").write_text("no table")
    proposals, problems = propose(tmp_path, name="mine")
    assert {each.name: [task.name for task in each.tasks] for each in proposals} == {
        "mine_texts": ["mail"],
        "mine_columns": ["people"],
    }
    assert sorted(problem.where.rsplit("/", 1)[1] for problem in problems) == [
        "alone.parquet",
        "broken.parquet",
        "none.parquet",
    ]


def test_folders_with_train_valid_and_test_are_tasks_and_one_such_folder_is_one(tmp_path):
    for data in ("mail", "news"):
        (tmp_path / data).mkdir()
        for split in ("train", "valid", "test"):
            pq.write_table(
                pa.table({"text": _prose(), "label": _cycle("a", "b")}), tmp_path / data / f"{split}.parquet"
            )
    (several, _), (one, _) = propose(tmp_path), propose(tmp_path / "news")
    assert [(task.name, task.plain["data"], "split" in task.plain) for task in several[0].tasks] == [
        ("mail", "mail", False),
        ("news", "news", False),
    ]
    assert [(task.name, task.plain["data"]) for task in one[0].tasks] == [("news", ".")]


def test_valid_is_cut_from_train_where_it_is_not_there(tmp_path):
    for split in ("train", "test"):
        (tmp_path / "mail").mkdir(exist_ok=True)
        pq.write_table(pa.table({"text": _prose(), "label": _cycle("a", "b")}), tmp_path / "mail" / f"{split}.parquet")
    ((proposal,), _) = propose(tmp_path)
    assert proposal.tasks[0].plain["split"] == {"valid": 0.1}
    assert proposal.rows < N


@pytest.mark.parametrize("case", ["nowhere", "empty", "no task", "no encoding"])
def test_a_folder_without_a_task_is_refused(case, tmp_path, refused):
    if case != "nowhere":
        (tmp_path / "in").mkdir()
    if case == "no task":
        pq.write_table(pa.table({"text": _prose()}), tmp_path / "in" / "t.parquet")
    if case == "no encoding":
        rows = b"".join(bytes([0x81, 0xFF, 0x8D, 0x20, 0x98, at + 0x80]) + b",%d\n" % (at % 2) for at in range(N))
        (tmp_path / "in" / "t.csv").write_bytes(b"text,label\n" + rows)
    with refused():
        propose(tmp_path / "in")


def _of_one_csv(folder, columns, *, encoding="utf-8", delimiter=","):
    """The task of a table in one CSV file, as it is proposed and as a manifest of it is read."""
    with (folder / "t.csv").open("w", encoding=encoding, newline="") as file:
        rows = csv.writer(file, delimiter=delimiter)
        rows.writerow(columns)
        rows.writerows(zip(*columns.values(), strict=True))
    ((proposal,), problems) = propose(folder, name="mine")
    assert not problems
    (task,) = proposal.tasks
    manifest = parse_manifest(parse_yaml(manifest_text("mine", proposal.tasks), where="m"), where="m")
    (read,) = read_setup(manifest, FolderSource(folder)).tasks
    return task, read


@pytest.mark.parametrize(
    ("said", "encoding", "found"),
    [
        ("schöner Größe über Maß", "utf-8", None),
        ("schöner Größe über Maß", "utf-8-sig", None),
        ("schöner Größe über Maß", "utf-16", None),
        ("schöner Größe über Maß", "utf-16-le", "utf-16-le"),
        ("schöner Größe über Maß", "cp1252", "cp1252"),
        ("très déçue, ça ne marche pas à l\u2019arrivée", "cp1252", "cp1252"),
        ("Хороший товар, быстрая доставка", "cp1251", "cp1251"),
        ("商品很好 物流很快 不能用", "gb18030", "gb18030"),
    ],
)
def test_an_encoding_is_found_and_said_with_a_word_to_tell_by(tmp_path, said, encoding, found):
    texts = [f"{said} number {at % 40} of some" for at in range(N)]
    task, read = _of_one_csv(tmp_path, {"text": texts, "label": _cycle("a", "b")}, encoding=encoding)
    assert task.plain.get("csv", {}).get("encoding") == found
    assert {text for part in read.splits.values() for text in part.inputs["text"].to_pylist()} == set(texts)


@pytest.mark.parametrize(
    ("cells", "delimiter", "marks"),
    [
        (("1,5", "2,25", "12"), ";", {"decimal": ","}),
        (("1.234,50", "2.000,00", "12,00"), ";", {"decimal": ",", "thousands": "."}),
        (("1,234,567", "2,000", "12"), ",", {"thousands": ","}),
        (("1\u00a0234,5", "2 000", "12"), ";", {"decimal": ",", "thousands": " "}),
        (("1,234", "2,500", "3,125"), ";", {"decimal": ","}),
        (("1,234", "2,500", "3,125"), "\t", {}),  # may be either
        (("1.5", "2", "3"), ";", {}),
        (("1,5 kg", "2", "3"), ";", {}),
    ],
)
def test_marks_of_numbers_are_found_where_they_can_be_told(tmp_path, cells, delimiter, marks):
    columns = {
        "size": [cells[at % 3] for at in range(N)],
        "whole": [at * 77 % 1000 for at in range(N)],
        "label": _cycle("a", "b"),
    }
    task, _ = _of_one_csv(tmp_path, columns, delimiter=delimiter)
    assert task.plain.get("csv", {}) == marks
    is_number = bool(marks) or cells[0] == "1.5"
    assert ("size" in task.plain["columns"].get("numeric", [])) == is_number


@pytest.mark.parametrize(
    ("cells", "other", "marks"),
    [
        (("1234,5", "7,25"), ("9.000", "1.500"), {"decimal": ",", "thousands": "."}),
        (("1,234", "2,500"), ("1.5", "2.25"), {"thousands": ","}),
    ],
)
def test_marks_are_those_that_suit_all_columns(tmp_path, cells, other, marks):
    columns = {"size": _cycle(*cells, "12"), "other": _cycle(*other, "3", "8", "9")}
    columns |= {"whole": [at * 77 % 1000 for at in range(N)], "label": _cycle("a", "b")}
    task, _ = _of_one_csv(tmp_path, columns, delimiter="\t")
    assert task.plain["csv"] == marks
    assert task.plain["columns"]["numeric"] == ["size", "other", "whole"]


def test_marks_that_would_spoil_another_column_are_not_said(tmp_path):
    columns = {"size": _cycle("1,5", "2,5"), "other": _cycle("1.5", "2.5", "3.5"), "label": _cycle("a", "b")}
    task, _ = _of_one_csv(tmp_path, columns, delimiter=";")
    assert "csv" not in task.plain


def test_several_names_in_one_cell_are_a_list(tmp_path):
    tags = _cycle("red;blue", "red", "green; blue", "")
    task, read = _of_one_csv(tmp_path, {"text": _prose(), "tags": tags})
    assert (task.kind, task.plain["separator"]) == ("multilabel", ";")
    assert read.task.classes == ("blue", "green", "red")


def test_names_in_one_cell_are_found_whatever_their_column_is_called(tmp_path):
    task, _ = _of_one_csv(tmp_path, {"text": _prose(), "feelings": _cycle("joy", "fear", "joy;fear", "anger", "calm")})
    assert (task.kind, task.plain["separator"]) == ("multilabel", ";")
    task, _ = _of_one_csv(tmp_path, {"text": _prose(), "maker": _cycle("Lee, Ann", "Lee", "Ann", "Ann, Lee, Kim")})
    assert task.kind == "multiclass"


def test_tags_of_the_words_of_a_text_are_found(tmp_path):
    words = [f"we saw place{at} once" for at in range(N)]
    task, read = _of_one_csv(tmp_path, {"sentence": words, "tags": _cycle("O O B-LOC O", "O O B-LOC B-LOC")})
    assert (task.kind, task.form, task.plain["tokens"], task.plain["separator"]) == (
        "tagging",
        "tokens",
        "sentence",
        " ",
    )
    assert read.task.kind == "tagging"


def test_one_name_with_a_comma_is_no_list(tmp_path):
    task, _ = _of_one_csv(tmp_path, {"text": _prose(), "label": _cycle("Congo, Republic of", "Chad")})
    assert task.kind == "binary"


SEVERAL = {
    "age": [20 + at % 50 for at in range(N)],
    "city": _cycle("x", "y", "z"),
    "label_churned": ["yes" if at % 15 == 0 else "no" for at in range(N)],
    "label_segment": [None if at % 11 == 0 else "abc"[at % 3] for at in range(N)],
    "label_topics": _cycle("red;blue", "red", "green;blue", "blue"),
    "target_spend": [at * 1.5 for at in range(N)],
}


def _read(proposal, folder):
    manifest = parse_manifest(parse_yaml(manifest_text("mine", proposal.tasks), where="m"), where="m")
    return manifest, read_setup(manifest, FolderSource(folder)).tasks


def test_several_labels_of_one_table_are_tasks_that_share_its_rows(tmp_path):
    with (tmp_path / "people.csv").open("w") as file:
        rows = csv.writer(file)
        rows.writerow(SEVERAL)
        rows.writerows(zip(*SEVERAL.values(), strict=True))
    ((proposal,), problems) = propose(tmp_path)
    assert not problems
    assert {task.name: task.kind for task in proposal.tasks} == {
        "label_churned": "binary",
        "label_segment": "multiclass",
        "label_topics": "multilabel",
        "target_spend": "regression",
    }
    manifest, read = _read(proposal, tmp_path)
    assert manifest.shares_rows
    assert {task.task.name: task.task.classes for task in read if task.task.classes} == {
        "label_churned": ("no", "yes"),
        "label_segment": ("a", "b", "c"),
        "label_topics": ("blue", "green", "red"),
    }
    shared = parse_yaml(manifest_text("mine", proposal.tasks), where="m")["shared"]
    assert shared["columns"] == {"numeric": ["age"], "categorical": ["city"]}
    assert shared["separator"] == {"label_topics": ";"}
    assert shared["split"]["stratify"] == "label_churned"
    assert all(not task.notes for task in proposal.tasks)


def test_beside_other_tables_each_label_names_its_table(tmp_path):
    columns = {name: SEVERAL[name] for name in ("age", "city", "label_churned", "target_spend")}
    pq.write_table(pa.table(columns), tmp_path / "people.parquet")
    pq.write_table(pa.table({"size": [at / 7 for at in range(N)], "label": _cycle("a", "b")}), tmp_path / "t.parquet")
    ((proposal,), problems) = propose(tmp_path)
    assert not problems
    assert [task.name for task in proposal.tasks] == ["people_label_churned", "people_target_spend", "t"]
    manifest, read = _read(proposal, tmp_path)
    assert not manifest.shares_rows
    churned, spend, _ = (set(task.splits["test"].row_ids) for task in read)
    assert churned == spend


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ({"label_text": _cycle("sad", "glad", "mad")}, "says the same as label"),
        ({"tags": _cycle(*["O O O O O O"] * 3, "O B-X O O O O")}, "a task of its own?"),
    ],
)
def test_a_label_in_other_words_or_of_other_inputs_is_told_and_is_no_task(tmp_path, beside, said):
    columns = {"text": _prose(), "label": _cycle(0, 1, 2), **beside}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    ((proposal,), _) = propose(tmp_path)
    (task,) = proposal.tasks
    assert (task.name, task.plain["label"]) == ("t", "label")
    assert any(said in note for note in task.notes)


def test_of_two_tables_whose_tasks_would_be_called_alike_the_second_is_told_and_left_out(tmp_path, worded):
    for name in ("Mood.csv", "mood.tsv"):
        with (tmp_path / name).open("w") as file:
            rows = csv.writer(file, delimiter="," if name.endswith(".csv") else "\t")
            rows.writerows([("text", "label"), *zip(_prose(), _cycle("a", "b", "c"), strict=True)])
    ((proposal,), (problem,)) = propose(tmp_path)
    assert [task.plain["data"] for task in proposal.tasks] == ["Mood.csv"]
    worded(problem)


@pytest.mark.parametrize("text", ["text,label\n", "text,label\nfine,good\npoor,bad\n"], ids=["no rows", "no part"])
def test_a_table_with_too_few_rows_says_so(tmp_path, text, refused):
    (tmp_path / "t.csv").write_text(text)
    with refused(Exception):
        propose(tmp_path)
