"""Rows that belong together: the candidates of a query."""

import numpy as np
import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.content import content_hash
from ray_mtlkd.setups.manifest_reader import parse_manifest
from ray_mtlkd.setups.summary import summarise
from tests import rankings

ROWS = {
    "text": ["a b", "a c", "b c", "a d", "c d"],
    "query": ["x", "y", "x", "y", "x"],
    "label": [0.0, 3.0, 1.0, 1.0, 2.0],
}
SPEC = {
    "kind": "ranking",
    "data": "mail",
    "text": ["text"],
    "label": "label",
    "group": "query",
    "metric": "ndcg@10",
}


@pytest.fixture
def ranking(files):
    files.spec = dict(SPEC)
    files.tables = {split: dict(ROWS) for split in ("train", "valid", "test")}
    return files


def test_candidates_of_a_query_lie_side_by_side_wherever_they_stand_in_the_file(ranking):
    (task,) = ranking.written().tasks
    found = task.splits["train"]
    assert found.row_ids.tolist() == [0, 2, 4, 1, 3]
    assert found.groups.tolist() == [0, 3, 5]
    assert found.labels.tolist() == [0, 1, 2, 3, 1]
    assert found.labels.dtype == np.float32
    assert task.task.group == "query"


def test_rows_of_a_ranking_are_not_drawn_one_by_one(worded):
    with pytest.raises(MtlkdError) as caught:
        parse_manifest({"name": "shop", "tasks": {"rank": {**SPEC, "rows": 3}}}, where="shop.yaml")
    assert caught.value.where == "shop.yaml: tasks.rank.rows"
    worded(caught.value)


def test_candidates_without_a_label_are_left_out_of_their_query(ranking):
    ranking.spec["missing_labels"] = "skip"
    ranking.change("label", [0.0, None, None, 1.0, 2.0], splits=("train",))
    found = ranking.written().tasks[0].splits["train"]
    assert (found.row_ids.tolist(), found.groups.tolist()) == ([0, 4, 3], [0, 2, 3])


def test_a_query_without_a_label_is_no_query(ranking):
    ranking.spec["missing_labels"] = "skip"
    ranking.change("label", [0.0, None, 1.0, None, 2.0], splits=("train",))
    assert ranking.written().tasks[0].splits["train"].groups.tolist() == [0, 3]


@pytest.mark.parametrize("names", [[7, 9, 7, 9, 7], [True, False, True, False, True]])
def test_queries_may_be_numbers(ranking, names):
    ranking.change("query", names)
    assert ranking.written().tasks[0].splits["train"].groups.tolist() == [0, 3, 5]


def test_the_text_of_the_query_may_name_it(ranking):
    ranking.spec.update(text=None, pair=["query", "text"])
    assert ranking.written().tasks[0].splits["train"].groups.tolist() == [0, 3, 5]


def test_equal_tables_of_other_queries_are_other_tables(ranking):
    """What is kept of a setup, classical models among it, is found by the content."""
    first = content_hash(ranking.written())
    ranking.change("query", ["x", "x", "x", "x", "y"], splits=("train",))
    assert content_hash(ranking.written()) != first


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("query", ["x", None, "x", "", "x"]),
        ("query", [[1]] * 5),
        ("label", [0.0, -1.0, 1.0, 1.0, 2.0]),
        ("label", [1.0, 1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_a_table_that_ranks_nothing_is_refused_at_its_column(ranking, column, values, refused):
    ranking.change(column, values, splits=("train",))
    with refused() as caught:
        ranking.written()
    assert caught.value.where.endswith(f"train.parquet:{column}")


def test_queries_without_a_relevant_candidate_are_counted_and_told(ranking):
    ranking.change("label", [0.0, 0.0, 1.0, 0.0, 2.0], splits=("valid",))
    raw = ranking.written()
    assert raw.warnings == ("tasks.intent: in valid, 1 of 2 queries without a relevant candidate",)


def test_a_summary_tells_queries_and_candidates(ranking):
    (told,) = summarise(ranking.written())
    assert told.labels[0] == "2 queries of 2 to 3 candidates, 2.5 in the mean"
    assert told.imbalance == ""
    assert 0 < told.trivial[0] < 1


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"group": None}, "group"),
        ({"group": "relevance"}, "group"),
        ({"kind": "regression", "metric": "rmse"}, "group"),
        ({"loss": "triplet"}, "loss"),
        ({"metric": "ndcg@0"}, "metric"),
        ({"classes": 2}, "classes"),
    ],
    ids=str,
)
def test_a_mistake_in_a_ranking_is_named_with_its_fix(changes, key, refused):
    task = {**rankings.MANIFEST["tasks"]["find"], **changes}
    task = {key: value for key, value in task.items() if value is not None}
    with refused() as caught:
        parse_manifest({"name": "finder", "tasks": {"find": task}}, where="finder.yaml")
    assert caught.value.where == f"finder.yaml: tasks.find.{key}"


def test_a_ranking_cannot_share_its_batches_with_other_tasks(refused):
    task = {key: rankings.MANIFEST["tasks"]["find"][key] for key in ("kind", "group", "label", "metric")}
    shared = {"data": "find", "pair": ["query", "document"]}
    with refused() as caught:
        parse_manifest({"name": "finder", "shared": shared, "tasks": {"find": task}}, where="finder.yaml")
    assert caught.value.where == "finder.yaml: tasks.find.kind"
