import numpy as np
import pyarrow as pa
import pytest
from scipy.special import expit, softmax

from ray_mtlkd.predict.dataset.labels import Labeller, Settings, check_settings, fields
from ray_mtlkd.predict.model_folder import load
from ray_mtlkd.storage import Storage
from ray_mtlkd.tasks.task import Task
from tests.keeping import text_table

TASKS = {
    kind: Task(name=kind, kind=kind, metric="x", classes=() if kind == "regression" else ("a", "b", "c"))
    for kind in ("binary", "multiclass", "multilabel", "regression", "tagging")
}
KIND_OF = {"churn": "binary", "segment": "multiclass", "interests": "multilabel", "spend": "regression"}


def _labels(kept, table, **settings):
    labeller = Labeller(load(Storage.at(kept.uri)), Settings(**settings))
    return labeller.label(table, where="f.parquet[0:9]")


@pytest.mark.parametrize("task", KIND_OF)
def test_every_kind_s_labels_are_the_model_s_outputs_in_its_own_shape(diverse, diverse_rows, task):
    table = diverse_rows[task].slice(0, 50)
    (found,) = _labels(diverse, table, task=task)
    np.testing.assert_array_equal(np.array(found.to_pylist(), np.float32), diverse.predicted(task, table).numpy())


@pytest.mark.parametrize("case", ["vectors", "words"])
def test_tokens_have_a_list_of_labels_a_row(request, diverse_rows, case):
    kept = request.getfixturevalue("diverse" if case == "vectors" else "words")
    task = "events" if case == "vectors" else "names"
    table = diverse_rows["events"].slice(0, 30) if case == "vectors" else text_table(30)
    (found,) = _labels(kept, table, task=task)
    assert [len(row) for row in found] == [len(row) for row in table["inputs" if case == "vectors" else "words"]]
    flat = np.array([token for row in found.to_pylist() for token in row], np.float32)
    np.testing.assert_array_equal(flat, kept.predicted(task, table).numpy())


@pytest.mark.parametrize("task", ["intent", "match"])
@pytest.mark.parametrize("encoder", ["texts", "words"])
def test_texts_and_pairs_go_in_as_they_are(request, encoder, task):
    kept, table = request.getfixturevalue(encoder), text_table(40)
    (found,) = _labels(kept, table, task=task)
    np.testing.assert_array_equal(np.array(found.to_pylist(), np.float32), kept.predicted(task, table).numpy())


@pytest.mark.parametrize("task", ["churn", "segment", "interests"])
def test_probabilities_are_those_of_the_outputs(diverse, diverse_rows, task):
    table = diverse_rows[task].slice(0, 50)
    (found,) = _labels(diverse, table, task=task, values="probabilities")
    outputs = diverse.predicted(task, table).numpy().astype(np.float64)
    expected = softmax(outputs, axis=1) if task == "segment" else expit(outputs)
    np.testing.assert_allclose(found.to_pylist(), expected, atol=1e-6)  # float32


def test_the_most_likely_classes_come_with_their_values_in_order(diverse, diverse_rows):
    table = diverse_rows["segment"].slice(0, 50)
    (everything,) = _labels(diverse, table, task="segment", values="probabilities")
    classes, values = _labels(diverse, table, task="segment", values="probabilities", top_k=3)
    for row, at, value in zip(*map(pa.Array.to_pylist, (everything, classes, values)), strict=True):
        assert value == sorted(row, reverse=True)[:3]
        assert [row[place] for place in at] == value


def test_half_precision_is_the_nearest_number(diverse, diverse_rows):
    table = diverse_rows["segment"].slice(0, 50)
    (single,) = _labels(diverse, table, task="segment")
    (half,) = _labels(diverse, table, task="segment", dtype="float16")
    assert half.type == pa.list_(pa.float16(), 12)
    np.testing.assert_array_equal(half.flatten().to_numpy(), single.flatten().to_numpy().astype(np.float16))


def test_a_number_beyond_half_precision_is_an_error(diverse, diverse_rows, refused):
    column = diverse_rows["spend"].column_names[0]
    table = pa.table({column: (np.array(diverse_rows["spend"][column].slice(0, 9).to_pylist()) * 1e9).tolist()})
    with refused():
        _labels(diverse, table, task="spend", dtype="float16")


def test_columns_that_do_not_fit_are_named_with_file_rows_and_column(texts, refused):
    table = pa.table({"text": ["a", None], "other": [1, 2]})
    with refused():
        _labels(texts, table, task="intent")
    with pytest.raises(ExceptionGroup) as group:
        _labels(texts, table, task="match")
    assert [error.where for error in group.value.exceptions] == ["f.parquet[0:9]:text", "f.parquet[0:9]:other"]


def test_vectors_of_another_length_are_named_with_file_and_rows(diverse, refused):
    with refused():
        _labels(diverse, pa.table({"inputs": [[1.0, 2.0]]}), task="churn")


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("regression", {"values": "probabilities"}),
        ("binary", {"top_k": 1}),
        ("multiclass", {"top_k": 4}),
        ("multiclass", {"top_k": 0}),
        ("multiclass", {"key": ("id", "row")}),
        ("multiclass", {"key": ("logits",)}),
        ("multiclass", {"key": ("classes",), "top_k": 2}),
        ("multiclass", {"key": ("id", "id")}),
    ],
)
def test_what_a_task_does_not_have_cannot_be_wanted(kind, settings, refused):
    with refused():
        check_settings(Settings(task=kind, **settings), TASKS[kind])


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_fields_are_called_by_what_they_hold(kind, dtype):
    settings = Settings(task=kind, dtype=dtype)
    check_settings(settings, TASKS[kind])
    (field,) = fields(settings, TASKS[kind])
    number = {"float32": pa.float32(), "float16": pa.float16()}[dtype]
    shapes = {"binary": number, "regression": number, "tagging": pa.list_(pa.list_(number, 3))}
    assert (field.name, field.type) == ("logits", shapes.get(kind, pa.list_(number, 3)))
