import json

import pyarrow as pa
import pytest

from ray_mtlkd import setups
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.predict.model_folder import load_model
from ray_mtlkd.predict.questions import Question, answer_question, example_of, question_schema, read_question
from ray_mtlkd.setups.files import MemorySource
from ray_mtlkd.setups.manifest_reader import parse_manifest
from ray_mtlkd.setups.tables import read_setup
from tests import rankings
from tests.keeping import TEXT_TASKS, keep_diverse, keep_model, text_setup, text_table

ROWS = text_table(6).to_pylist()
COLUMNS = {
    "age": [1.5, None, 3.0, 4.5] * 6,
    "city": ["Ulm", "Rom", "Rom", None] * 6,
    "size": [1, 2, 3, 4] * 6,
    "label": [0, 1] * 12,
    "price": [0.5, 1.5, 2.5, 3.5] * 6,
}


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept") / "texts"
    return load_model(keep_model(text_setup(TEXT_TASKS), BagOfNgrams(hidden=(8,), buckets=256), folder).uri)


@pytest.fixture(scope="module")
def columns(tmp_path_factory):
    """A class and a number from numbers and categories."""
    read = {"data": "d", "columns": {"numeric": ["age"], "categorical": ["city", "size"]}}
    tasks = {
        "yes": {"kind": "binary", "metric": "auc", "label": "label", **read},
        "cost": {"kind": "regression", "metric": "rmse", "label": "price", **read},
    }
    manifest = parse_manifest({"name": "shop", "tasks": tasks}, where="shop.yaml")
    source = MemorySource("shop", {"d": dict.fromkeys(("train", "valid", "test"), pa.table(COLUMNS))})
    kept = keep_model(read_setup(manifest, source), Mlp(hidden=(4,)), tmp_path_factory.mktemp("kept") / "columns")
    return load_model(kept.uri)


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Five kinds over vectors, where one task's are of tokens, and a ranking, by name."""
    folder = tmp_path_factory.mktemp("kept")
    finder = keep_model(
        setups.read(str(rankings.write(folder)), data_dir=None), BagOfNgrams(hidden=(4,), buckets=64), folder / "finder"
    )
    return {"diverse": load_model(keep_diverse(folder / "diverse").uri), "finder": load_model(finder.uri)}


@pytest.fixture
def kept(request, others):
    return others.get(request.param) or request.getfixturevalue(request.param)


EVERY = pytest.mark.parametrize("kept", ["texts", "columns", "diverse", "finder"], indirect=True)


def test_rows_in_json_are_answered_as_those_of_a_frame(texts, columns):
    for kept, rows in ((texts, ROWS), (columns, pa.table(COLUMNS).to_pylist())):
        question = read_question(json.dumps({"rows": rows, "probabilities": True}).encode())
        assert answer_question(kept, question).table.equals(
            kept.predict(pa.Table.from_pylist(rows), probabilities=True)
        )


def test_columns_that_are_not_read_may_hold_anything(texts):
    rows = [{"text": "pay", "more": at} for at in (1, "a", {"b": []})]
    said = answer_question(texts, Question(rows=tuple(rows), tasks=("intent",)))
    assert said.table.equals(texts.predict({"text": ["pay"] * 3}, tasks="intent"))


def test_what_a_reader_should_know_of_the_rows_is_noted_once_for_all_tasks(columns, worded):
    said = answer_question(columns, Question(rows=({"age": None, "city": "Wien", "size": "NA"},)))
    assert len(said.notes) == 2
    for note in said.notes:
        worded(note)


@EVERY
def test_a_model_answers_its_own_example_without_a_note(kept):
    found = example_of(kept)
    assert found.answers.notes == ()
    assert found.answers.table.equals(
        answer_question(kept, read_question(json.dumps(_plain(found.question)).encode())).table
    )
    assert {column.name.rpartition("_")[0] for column in found.columns} == {task.name for task in kept.tasks}


def _plain(question):
    return {"rows": list(question.rows), "tasks": list(question.tasks)}


def test_an_example_leaves_out_tasks_that_call_another_column_the_same(others):
    assert example_of(others["diverse"]).question.tasks == ("churn", "segment", "interests", "spend")


@EVERY
def test_the_schema_names_every_column_and_task(kept):
    schema = question_schema(kept, most_rows=7)["properties"]
    row = schema["rows"]["items"]["properties"]
    groups = {task.group for task in kept.tasks} - {""}
    assert row.keys() == groups.union(*(known.rules for known in kept.featurisers.values()))
    assert schema["rows"]["maxItems"] == 7
    assert schema["tasks"]["anyOf"][0]["items"]["enum"] == [task.name for task in kept.tasks]


@pytest.mark.parametrize(
    "text",
    [
        '{"rows": ',
        "[" * 10_000,
        "[]",
        "{}",
        '{"rows": []}',
        '{"rows": [1]}',
        '{"rows": [{"text": "a"}], "task": "intent", "allow_unseen": 3}',
    ],
    ids=["half", "deep", "list", "empty", "no rows", "no row", "keys"],
)
def test_what_is_no_question_is_an_error(text, worded):
    with pytest.raises((MtlkdError, ExceptionGroup)) as caught:
        read_question(text.encode())
    worded(caught.value)


@pytest.mark.parametrize(
    ("rows", "tasks"),
    [
        ([{"text": "a"}], ("intnt", "match")),
        ([{"texts": "a"}], ("intent",)),
        ([{"text": "a"}, {}], ("intent",)),
        ([{"text": "a"}, {"text": 3}], ("intent",)),
        ([{"text": 2**70}], ("intent",)),
        ([{"text": [[1], ["a"]]}], ("intent",)),
        ([{"text": None}, {"text": "a"}], ("intent",)),
    ],
    ids=["no task", "no column", "not in all rows", "two types", "too large", "lists", "no text"],
)
def test_what_does_not_fit_the_model_is_an_error_that_names_no_folder(texts, rows, tasks, worded):
    with pytest.raises((MtlkdError, ExceptionGroup)) as caught:
        answer_question(texts, Question(rows=tuple(rows), tasks=tasks))
    worded(caught.value)
    assert texts.uri not in str(caught.value)
