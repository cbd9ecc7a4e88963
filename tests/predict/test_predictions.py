import numpy as np
import pyarrow as pa
import pytest
from scipy.special import expit, softmax

from ray_mtlkd.predict.model_folder import load
from ray_mtlkd.predict.predictions import class_columns, columns, predict_table
from ray_mtlkd.storage import Storage
from ray_mtlkd.training.evaluation.evaluate import BATCH_ROWS
from tests.keeping import keep_diverse, rows_of_diverse

ROWS = 8 * BATCH_ROWS + 10  # more than are featurised at a time


@pytest.fixture(scope="module")
def diverse(tmp_path_factory):
    return keep_diverse(tmp_path_factory.mktemp("kept") / "diverse")


@pytest.fixture(scope="module")
def ask(diverse):
    """What the model answers for a task, its raw outputs for the same rows, and the task."""
    kept, rows = load(Storage.at(diverse.uri)), rows_of_diverse()

    def of(name):
        table = rows[name].slice(0, ROWS)
        found = predict_table(kept, name, table, where="table")
        task = kept.tasks[kept.index(name)]
        assert tuple(found.column_names) == columns(task)
        return found, diverse.predicted(name, table).numpy(), task

    return of


def test_a_yes_or_no_is_told_by_the_threshold_with_the_probability_of_yes(ask):
    found, outputs, task = ask("churn")
    said = [int(expit(output) >= task.threshold) for output in outputs]
    assert found["churn_prediction"].to_pylist() == said
    np.testing.assert_array_equal(found["churn_probability"], expit(outputs))
    assert set(said) == {0, 1}


def test_a_class_is_told_as_the_labels_say_it_with_its_probability(ask):
    found, outputs, task = ask("segment")
    assert found["segment_prediction"].to_pylist() == [int(task.classes[row.argmax()]) for row in outputs]
    np.testing.assert_allclose(found["segment_probability"], softmax(outputs, axis=1).max(axis=1), rtol=1e-6)


def test_several_labels_are_a_list_of_names_and_one_of_their_probabilities(ask):
    found, outputs, task = ask("interests")
    likely = expit(outputs)
    said = [[int(name) for name, p in zip(task.classes, row, strict=True) if p >= task.threshold] for row in likely]
    assert found["interests_prediction"].to_pylist() == said
    sure = [[p for p in row.tolist() if p >= task.threshold] for row in likely]
    assert found["interests_probability"].to_pylist() == sure
    assert {len(row) for row in said} != {0}


def test_a_number_is_told_in_the_unit_of_the_labels(ask):
    found, outputs, task = ask("spend")
    assert task.scale != 1.0
    np.testing.assert_allclose(
        found["spend_prediction"], outputs * task.scale + task.center, atol=1e-6
    )  # of single precision


def test_every_token_gets_its_tag(ask, diverse):
    found, outputs, task = ask("events")
    lengths = [len(row) for row in rows_of_diverse()["events"]["inputs"].slice(0, ROWS)]
    assert [len(row) for row in found["events_prediction"]] == lengths
    flat = [tag for row in found["events_prediction"].to_pylist() for tag in row]
    assert flat == [task.classes[row.argmax()] for row in outputs]
    assert [len(row) for row in found["events_probability"]] == lengths


@pytest.mark.parametrize("name", ["churn", "segment", "interests", "spend", "events"])
def test_every_class_has_its_probability_where_they_are_asked_for(diverse, ask, name):
    kept, table = load(Storage.at(diverse.uri)), rows_of_diverse()[name].slice(0, ROWS)
    plain, outputs, task = ask(name)
    found = predict_table(kept, name, table, probabilities=True)
    assert found.select(plain.column_names).equals(plain)
    assert tuple(found.column_names) == (*columns(task), *class_columns(task))
    if name == "spend":
        assert class_columns(task) == ()
        return
    yes = expit(outputs)
    wanted = {"churn": lambda: np.stack([1 - yes, yes], axis=1), "interests": lambda: yes}
    shares = wanted.get(name, lambda: softmax(outputs, axis=1))()
    flat = [found[each].combine_chunks() for each in class_columns(task)]
    flat = [each.flatten() if pa.types.is_list(each.type) else each for each in flat]
    assert class_columns(task)[0] == f"{name}_probability_{task.classes[0]}"
    np.testing.assert_allclose(np.stack(flat, axis=1), shares, rtol=1e-6)


def test_a_row_that_does_not_fit_is_told_by_its_number_in_the_whole_table(diverse, refused):
    kept, table = load(Storage.at(diverse.uri)), rows_of_diverse()["segment"].slice(0, ROWS)
    vectors = table["inputs"].to_pylist()
    vectors[ROWS - 1] = vectors[0][:-1]
    broken = table.set_column(0, "inputs", pa.array(vectors, table["inputs"].type))
    with refused():
        predict_table(kept, "segment", broken, where="new.csv")


def test_an_unknown_task_is_an_error_that_names_the_known_ones(diverse, refused):
    table = rows_of_diverse()["segment"].slice(0, 3)
    with refused():
        predict_table(load(Storage.at(diverse.uri)), "segmnt", table, where="new.csv")
