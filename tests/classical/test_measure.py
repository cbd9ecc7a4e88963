import math

import pytest

from ray_mtlkd import setups
from ray_mtlkd.classical.measure import measure
from ray_mtlkd.setups.trivial import trivial_metric
from ray_mtlkd.tasks.metrics import metric_of
from tests import rankings

OF_ROWS = ("binary", "multiclass", "multilabel", "regression")


def _assert_learnt(task):
    found = measure(task)
    for split, value in (("valid", found.valid), ("test", found.test)):
        assert math.isfinite(value)
        assert metric_of(task.task).sign * (value - trivial_metric(task, split)) > 0.1, (found, split)
    assert found.cpu_s > 0
    return found


@pytest.mark.parametrize("form", ["text", "tokens", "columns"])
@pytest.mark.parametrize("kind", OF_ROWS)
def test_every_kind_is_learnt_from_texts_and_columns(made, kind, form):
    (task,) = made(kind, form).tasks
    assert ("gradient boosting" if form == "columns" else "TF-IDF") in _assert_learnt(task).model


def test_pairs_are_learnt_from_what_they_share(made):
    (task,) = made("binary", "pair").tasks
    assert _assert_learnt(task).model.startswith("token overlap + ")


def test_candidates_are_ranked_by_what_they_share_with_their_query(tmp_path):
    task, _ = setups.read(str(rankings.write(tmp_path)), data_dir=None).tasks
    assert _assert_learnt(task).model.startswith("token overlap + ")


def test_words_are_tagged(made):
    (task,) = made("tagging", "tokens").tasks
    assert _assert_learnt(task).model == "logistic regression on words, Viterbi"


@pytest.mark.parametrize("name", ["tiny_noisy", "small"])
def test_vectors_of_similar_are_learnt(name):
    raw = setups.read("similar", data_dir=None)
    _assert_learnt(next(task for task in raw.tasks if task.task.name == name))


@pytest.mark.parametrize("name", ["churn", "interests", "spend", "events"])
def test_vectors_of_every_kind_are_learnt(name):
    raw = setups.read("diverse", data_dir=None)
    _assert_learnt(next(task for task in raw.tasks if task.task.name == name))


def test_a_metric_that_is_better_when_lower_is_chosen_by_its_sign(made):
    (task,) = made("regression", "text", metric="rmse").tasks
    _assert_learnt(task)


@pytest.mark.parametrize(("kind", "form"), [("multiclass", "text"), ("tagging", "tokens"), ("binary", "columns")])
def test_only_labelled_rows_are_learnt_from(made, kind, form):
    (task,) = made(kind, form, missing=20).tasks
    assert len(task.splits["train"].row_ids) < task.splits["train"].inputs.num_rows
    _assert_learnt(task)


def test_the_same_setup_gives_the_same_figures(made):
    first, again = (measure(made("multiclass", "columns").tasks[0]) for _ in range(2))
    assert (first.model, first.valid, first.test) == (again.model, again.valid, again.test)
