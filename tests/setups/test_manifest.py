import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.manifest import Columns
from ray_mtlkd.setups.manifest_reader import parse_manifest

TASK = {"kind": "multiclass", "data": "mail", "text": ["text"], "label": "label", "metric": "accuracy"}


def problems(value):
    try:
        parse_manifest(value, where="shop.yaml")
    except MtlkdError as problem:
        return [problem]
    except ExceptionGroup as group:
        return list(group.exceptions)
    return []


def of_task(**changes):
    task = {key: value for key, value in {**TASK, **changes}.items() if value is not None}
    return problems({"name": "shop", "tasks": {"mail": task}})


def test_a_sound_manifest_becomes_specs():
    manifest = parse_manifest({"name": "shop", "tasks": {"mail": TASK}}, where="shop.yaml")
    spec = manifest.tasks["mail"]
    assert (spec.kind, spec.form, spec.input_columns, spec.missing_labels) == (
        "multiclass",
        "text",
        ("text",),
        "error",
    )


def test_numeric_and_categorical_columns_are_inputs_in_order():
    task = {**TASK, "text": None, "columns": {"numeric": ["age"], "categorical": ["city"]}}
    spec = parse_manifest({"name": "shop", "tasks": {"mail": task}}, where="shop.yaml").tasks["mail"]
    assert spec.columns == Columns(numeric=("age",), categorical=("city",))
    assert spec.input_columns == ("age", "city")


def test_forms_of_several_sorts_stand_beside_each_other():
    task = {**TASK, "columns": {"numeric": ["age"], "categorical": ["city"]}, "vector": "point"}
    spec = parse_manifest({"name": "shop", "tasks": {"mail": task}}, where="shop.yaml").tasks["mail"]
    assert spec.forms == ("text", "columns", "vector")
    assert spec.input_columns == ("text", "age", "city", "point")
    assert spec.only("columns").input_columns == ("age", "city")
    assert spec.only("vector").form == "vector"
    assert spec.parts == {"text": "text", "columns": "columns", "vector": "vector"}


@pytest.mark.parametrize(
    "changes",
    [
        {"metrik": "f1"},
        {"rows": 0},
        {"label": None},
        {"label": 3},
        {"kind": "multi"},
        {"kind": 3},
        {"loss": "cross_entropi"},
        {"metric": "akkuracy"},
        {"metric": "pearson"},
        {"pair": ["a", "b"]},
        {"tokens": "words"},
        {"kind": "tagging", "metric": "span_f1", "text": None, "columns": {"numeric": ["n"]}, "token_vectors": "v"},
        {"columns": {"numeric": ["text"]}},
        {"columns": {}},
        {"vector": "label"},
        {"text": None},
        {"text": []},
        {"text": ["a", "a"]},
        {"text": ["label"]},
        {"text": None, "pair": ["a"]},
        {"kind": "tagging", "metric": "span_f1"},
        {"text": None, "token_vectors": "v"},
        {"threshold": 0.3},
        {"kind": "binary", "metric": "f1", "threshold": 1.0},
        {"kind": "binary", "metric": "f1", "classes": ["a", "b", "c"]},
        {"kind": "regression", "metric": "rmse", "classes": 3},
        {"classes": 1},
        {"classes": ["a", "b", "a"]},
        {"missing_labels": "drop"},
        {"weight": -1},
        {"unlabelled": "train"},
        {"unlabelled": "../more"},
        {"kind": "ranking", "metric": "ndcg", "group": "query", "unlabelled": "more"},
    ],
    ids=str,
)
def test_a_mistake_in_a_task_is_named_with_its_fix(changes, worded):
    (found,) = of_task(**changes)
    assert found.where.startswith("shop.yaml: tasks.mail")
    worded(found)


def test_all_mistakes_of_a_manifest_are_told_together():
    found = problems(
        {
            "name": "../shop",
            "sauce": "here",
            "tasks": {"a/b": {**TASK, "metric": "f2"}, "c": {**TASK, "kinds": 1, "pair": ["a", "b"]}},
        }
    )
    places = sorted(problem.where.partition(": ")[2] for problem in found)
    assert places == ["sauce", "tasks.a/b.metric", "tasks.c", "tasks.c.kinds"]


def test_names_that_are_no_file_names_are_refused(worded):
    found = problems({"name": "../shop", "tasks": {"a/b": TASK, ".c": TASK}})
    assert len(found) == 3
    for problem in found:
        worded(problem)


def test_names_that_differ_only_in_case_are_refused(worded):
    worded(problems({"name": "shop", "tasks": {"mail": TASK, "Mail": TASK}})[0])


def test_weights_are_read_and_one_task_at_least_must_count(worded):
    tasks = {"mail": {**TASK, "weight": 0}, "chat": {**TASK, "weight": 2.5}, "call": TASK}
    found = parse_manifest({"name": "shop", "tasks": tasks}, where="shop.yaml")
    assert [spec.weight for spec in found.tasks.values()] == [0, 2.5, 1]
    (problem,) = problems({"name": "shop", "tasks": {"mail": {**TASK, "weight": 0}}})
    assert problem.where == "shop.yaml: tasks"
    worded(problem)


def test_a_manifest_without_tasks_is_refused(worded):
    worded(problems({"name": "shop", "tasks": {}})[0])


@pytest.mark.parametrize("value", [None, [], "shop", {"name": "shop"}, {"name": "shop", "tasks": ["a"]}])
def test_a_document_of_another_shape_is_refused(value):
    assert problems(value)


def test_a_table_without_labels_has_no_place_beside_a_shared_one(worded):
    task = {"kind": "binary", "label": "label", "metric": "f1", "unlabelled": "more"}
    (found,) = problems({"name": "shop", "shared": {"data": "d", "text": ["text"]}, "tasks": {"mail": task}})
    assert found.where == "shop.yaml: tasks.mail.unlabelled"
    worded(found)
