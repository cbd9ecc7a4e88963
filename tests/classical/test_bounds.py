import numpy as np
import pytest

from ray_mtlkd.classical import bounds, models
from ray_mtlkd.classical.measure import measure


@pytest.fixture
def few(monkeypatch):
    """Bounds that small tables reach."""
    monkeypatch.setattr(bounds, "ALONE", 90)
    monkeypatch.setattr(bounds, "TOGETHER", 300)
    monkeypatch.setattr(bounds, "TREES", 60)


def test_a_table_of_few_classes_is_used_whole():
    labels = np.arange(15_000) % 150
    assert bounds.others(labels == 3, classes=150, seed=0) is None
    assert bounds.some(labels, classes=150) is None
    assert bounds.rounds_of(150, at_most=100) == 100


def test_a_class_keeps_its_own_rows_and_the_others_stand_for_all_others():
    has = np.arange(9000) % 1000 == 7
    chosen, weight = bounds.others(has, classes=1000, seed=0)
    assert has[chosen].sum() == has.sum() == 9
    assert weight * (~has[chosen]).sum() == pytest.approx((~has).sum())
    assert len(np.unique(chosen)) == len(chosen) == 9 + bounds.others_of(1000)
    again, _ = bounds.others(has, classes=1000, seed=0)
    assert np.array_equal(chosen, again)


def test_a_sample_for_all_classes_shows_each_of_them():
    labels = np.concatenate([np.arange(1500), np.zeros(20_000, np.int64)])
    chosen = bounds.some(labels, classes=1500)
    assert len(chosen) == bounds.TOGETHER // 1500
    assert len(np.unique(labels[chosen])) == 1500


@pytest.mark.parametrize(
    ("form", "said"), [("text", "(each class against 30 rows)"), ("columns", "(20 rounds, 100 of 120 rows)")]
)
def test_what_was_fitted_on_a_part_says_so_and_still_learns(made, few, form, said):
    (task,) = made("multiclass", form).tasks
    found = measure(task)
    assert found.model.endswith(said)
    assert found.test > 0.6


def test_dense_rows_of_very_many_classes_are_learnt_by_one_model(few):
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 3
    inputs = {split: np.eye(3)[labels] + 0.1 * rng.normal(size=(120, 3)) for split in ("train", "valid", "test")}
    task = type("Task", (), {"kind": "multiclass", "outputs": 3})()
    (found,) = models.linear(1.0)(task, inputs, labels, lambda *_: None)
    assert found.sample == "all classes at once, 100 of 120 rows"
    assert (found.outputs["test"].argmax(1) == labels).mean() > 0.95


def test_progress_is_told_class_by_class(made):
    told = []
    (task,) = made("multiclass", "text").tasks
    measure(task, lambda *moment: told.append(moment))
    names = list(dict.fromkeys(name for name, _, _ in told))
    assert names == ["TF-IDF + logistic regression", "TF-IDF with chars + logistic regression"]
    assert [(done, total) for name, done, total in told if name == names[0]] == [(0, 1), (1, 3), (2, 3), (3, 3)]
