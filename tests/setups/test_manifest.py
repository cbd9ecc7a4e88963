import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.manifest import Columns, parse_manifest

TASK = {"kind": "multiclass", "data": "mail", "text": ["text"], "label": "label", "metric": "accuracy"}


def problems(value):
    try:
        parse_manifest(value, where="shop.yaml")
    except MtlkdError as problem:
        return [str(problem)]
    except ExceptionGroup as group:
        return [str(problem) for problem in group.exceptions]
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


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"metrik": "f1"}, "shop.yaml: tasks.mail.metrik: unknown key 'metrik'; did you mean 'metric'?"),
        ({"label": None}, "shop.yaml: tasks.mail.label: missing; add this key"),
        ({"label": 3}, "tasks.mail.label: 3 does not fit; give a string"),
        ({"kind": "multi"}, "tasks.mail.kind: unknown kind 'multi'; did you mean 'multilabel'? use one of: binary"),
        ({"kind": 3}, "tasks.mail.kind: 3 does not fit; give a string"),
        ({"loss": "cross_entropi"}, "tasks.mail.loss: unknown loss 'cross_entropi'; did you mean 'cross_entropy'?"),
        ({"metric": "akkuracy"}, "unknown metric 'akkuracy'; did you mean 'accuracy'?"),
        ({"metric": "pearson"}, "tasks.mail.metric: pearson does not fit a multiclass task; use one of: accuracy"),
        ({"pair": ["a", "b"]}, "tasks.mail: text and pair given; give exactly one of"),
        ({"text": None}, "tasks.mail: no inputs given; give exactly one of: text, pair, tokens"),
        ({"text": []}, "tasks.mail.text: no input column"),
        ({"text": ["a", "a"]}, "tasks.mail.text: column 'a' stands here 2 times"),
        ({"text": ["label"]}, "tasks.mail.label: the label 'label' is also an input"),
        ({"text": None, "pair": ["a"]}, "tasks.mail.pair"),
        ({"kind": "tagging", "metric": "span_f1"}, "tasks.mail.text: tagging cannot read text; give tokens"),
        ({"text": None, "token_vectors": "v"}, "only tagging reads token_vectors, not multiclass; give vector"),
        ({"threshold": 0.3}, "tasks.mail.threshold: a multiclass task has no threshold"),
        ({"kind": "binary", "metric": "f1", "threshold": 1.0}, "tasks.mail.threshold: 1.0 is not a probability"),
        ({"kind": "binary", "metric": "f1", "classes": ["a", "b", "c"]}, "3 classes in a binary task"),
        ({"kind": "regression", "metric": "rmse", "classes": 3}, "a regression task has no classes"),
        ({"classes": 1}, "tasks.mail.classes: 1 classes; give at least 2"),
        ({"classes": ["a", "b", "a"]}, "tasks.mail.classes: class 'a' stands here 2 times"),
        ({"missing_labels": "drop"}, "tasks.mail.missing_labels: \"drop\" does not fit; give 'error' or 'skip'"),
    ],
)
def test_a_mistake_in_a_task_is_named_with_its_fix(changes, said):
    found = of_task(**changes)
    assert len(found) == 1
    assert said in found[0]


def test_all_mistakes_of_a_manifest_are_told_together():
    found = problems(
        {
            "name": "../shop",
            "sauce": "here",
            "tasks": {"a/b": {**TASK, "metric": "f2"}, "c": {**TASK, "kinds": 1, "pair": ["a", "b"]}},
        }
    )
    told = "\n".join(found)
    for part in ("sauce: unknown key", "f2", "tasks.c.kinds: unknown key", "tasks.c: text and pair given"):
        assert part in told
    assert len(found) == 4


def test_names_that_are_no_file_names_are_refused():
    found = problems({"name": "../shop", "tasks": {"a/b": TASK, ".c": TASK}})
    assert ["is not safe as a file name" in line for line in found] == [True] * 3


def test_names_that_differ_only_in_case_are_refused():
    found = problems({"name": "shop", "tasks": {"mail": TASK, "Mail": TASK}})
    assert "2 tasks are called 'mail' apart from upper and lower case" in found[0]


def test_a_manifest_without_tasks_is_refused():
    assert "tasks: no tasks; describe at least one" in problems({"name": "shop", "tasks": {}})[0]


@pytest.mark.parametrize("value", [None, [], "shop", {"name": "shop"}, {"name": "shop", "tasks": ["a"]}])
def test_a_document_of_another_shape_is_refused(value):
    assert problems(value)
