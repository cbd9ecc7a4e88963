"""What train labels count in the loss."""

import numpy as np
import pytest

from ray_mtlkd import setups
from ray_mtlkd.data.features import BagFeatures
from ray_mtlkd.setups.content import content_hash

TEXTS = ["pay now", "hello you", "pay me", "hello"]


def _train(files):
    (task,) = files.written().tasks
    return task.task, task.splits["train"]


def test_all_labels_count_alike_without_a_word(files):
    assert _train(files)[1].weights is None


def test_balanced_classes_count_alike_together_and_the_prior_says_so(files):
    files.spec["class_weights"] = "balanced"
    files.change("label", [0, 0, 0, 1], splits=("train",))
    task, train = _train(files)
    assert train.weights == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])
    assert task.prior == pytest.approx((0.5, 0.5))


def test_a_weight_a_class_counts_by_its_ratio_to_the_others(files):
    files.spec |= {"classes": ["no", "yes"], "class_weights": {"no": 1, "yes": 3}}
    files.change("label", ["no", "yes", "no", "yes"], splits=("train",))
    files.change("label", ["no", "yes"], splits=("valid", "test"))
    task, train = _train(files)
    assert train.weights == pytest.approx([0.5, 1.5, 0.5, 1.5])
    assert task.prior == pytest.approx((0.25, 0.75))


def test_rows_count_by_a_column_that_only_train_has(files):
    files.spec["weight_column"] = "sure"
    files.change("sure", [1, 2, 3, 2], splits=("train",))
    task, train = _train(files)
    assert train.weights == pytest.approx([0.5, 1, 1.5, 1])
    assert task.prior == pytest.approx((0.5, 0.5))


def test_balanced_classes_count_alike_whatever_their_rows_count(files):
    files.spec |= {"weight_column": "sure", "class_weights": "balanced"}
    files.change("sure", [1, 5, 3, 0], splits=("train",))
    task, train = _train(files)
    assert train.weights == pytest.approx([0.5, 2, 1.5, 0])
    assert task.prior == pytest.approx((0.5, 0.5))


def test_rows_without_a_label_take_their_weight_with_them(files):
    files.spec |= {"weight_column": "sure", "missing_labels": "skip"}
    files.change("label", [0, None, 0, 1], splits=("train",))
    files.change("sure", [1, 99, 1, 4], splits=("train",))
    assert _train(files)[1].weights == pytest.approx([0.5, 0.5, 2])


def test_numbers_are_standardised_by_what_their_rows_count(files):
    files.spec |= {"kind": "regression", "metric": "rmse", "weight_column": "sure"}
    files.change("label", [0.0, 1.0, 2.0, 10.0], splits=("train",))
    files.change("label", [0.0, 1.0], splits=("valid", "test"))
    files.change("sure", [1, 2, 1, 0], splits=("train",))
    task, _ = _train(files)
    assert (task.center, task.scale) == pytest.approx((1.0, np.sqrt(0.5)))


def test_labels_of_several_classes_count_by_their_row(files):
    files.spec |= {"kind": "multilabel", "metric": "micro_f1", "weight_column": "sure"}
    files.change("label", [["a"], ["b"], ["a", "b"], ["a"]], splits=("train",))
    files.change("label", [["a"], ["b"]], splits=("valid", "test"))
    files.change("sure", [1, 3, 0, 0], splits=("train",))
    assert _train(files)[0].prior == pytest.approx(((1 + 0.5) / 5, (3 + 0.5) / 5))


def test_every_token_counts_what_its_row_does_times_its_tag(files):
    spec = {"kind": "tagging", "tokens": "words", "metric": "span_f1", "class_weights": {"O": 1, "B-X": 2}}
    files.spec = {"data": "mail", "label": "label", "weight_column": "sure", **spec}
    files.tables = {
        split: {"words": [["a", "b"], ["c"]], "label": [["O", "B-X"], ["O"]]} for split in ("train", "valid", "test")
    }
    files.change("sure", [1, 3], splits=("train",))
    assert _train(files)[1].weights == pytest.approx([0.5, 1, 1.5])


def test_weights_reach_the_tables_that_trials_train_on_and_make_them_other_tables(files):
    plain = setups.featurise(files.written(), BagFeatures())
    before = content_hash(files.read())
    files.spec["class_weights"] = "balanced"
    files.change("label", [0, 0, 0, 1], splits=("train",))
    weighed = setups.featurise(files.written(), BagFeatures())
    assert plain.tasks[0].train.weights is None
    assert weighed.tasks[0].train.weights.dtype == np.float32
    assert weighed.tasks[0].valid.weights is None
    assert content_hash(files.read()) != before


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({"class_weights": {"0": 1.0}}, "tasks.intent.class_weights"),
        ({"class_weights": {"0": 1.0, "1": 1.0, "2": 1.0}}, "tasks.intent.class_weights"),
        ({"class_weights": {"0": 1.0, "1": -1.0}}, "class_weights"),
        ({"class_weights": "even"}, "class_weights"),
        ({"kind": "regression", "metric": "rmse", "class_weights": "balanced"}, "class_weights"),
        ({"kind": "ranking", "metric": "map", "group": "sure", "weight_column": "text"}, "weight_column"),
        ({"weight_column": "label"}, "weight_column"),
        ({"weight_column": "text"}, "weight_column"),
        ({"weight_column": "nowhere"}, "train"),
    ],
    ids=str,
)
def test_weights_that_make_no_sense_are_refused_at_their_place(files, spec, place, worded):
    files.spec |= spec
    files.write()
    problem = next(problem for problem in files.problems() if place in problem.where)
    worded(problem)


@pytest.mark.parametrize("sure", [[1, 1, 1, -1], [1, 1, 1, None], ["a", "b", "c", "d"], [0, 0, 0, 0]], ids=str)
def test_weights_that_are_none_are_refused(files, sure, worded):
    files.spec["weight_column"] = "sure"
    files.change("sure", sure, splits=("train",))
    worded(files.problem())
