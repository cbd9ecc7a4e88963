import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.tasks.kinds import KINDS
from ray_mtlkd.tasks.metrics import METRICS, check_metric, evaluate, metric_of, skill, trivial
from tests.tasks.cases import EVERY, make, noisy_outputs, right_outputs, sample


def logits_of(codes, classes):
    return np.eye(classes, dtype=np.float32)[np.asarray(codes)]


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_right_predictions_are_perfect_and_noise_is_worse(name, kind):
    labels, offsets = sample(kind)
    task = make(kind, name)
    perfect = metric_of(task).perfect
    assert evaluate(task, right_outputs(kind, labels), labels, offsets) == pytest.approx(perfect, abs=1e-6)
    assert metric_of(task).sign * (perfect - evaluate(task, noisy_outputs(kind, labels), labels, offsets)) > 0.01


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_the_trivial_predictor_has_no_skill_and_truth_has_skill_one(name, kind):
    labels, offsets = sample(kind)
    task = make(kind, name)
    guess = trivial(task, labels, labels, offsets)
    perfect = metric_of(task).perfect
    value = evaluate(task, right_outputs(kind, labels), labels, offsets)
    assert skill(value, guess, perfect) == pytest.approx(1, abs=1e-6)
    assert skill(guess, guess, perfect) == 0


@pytest.mark.parametrize(("name", "kind"), EVERY)
@pytest.mark.parametrize("alike", ["lowest", "highest"])
def test_a_table_with_one_kind_of_label_has_a_finite_value(name, kind, alike):
    labels, offsets = sample(kind, rows=6)
    train, _ = sample(kind)
    labels = np.full_like(labels, labels.min() if alike == "lowest" else labels.max())
    for outputs in (
        right_outputs(kind, labels),
        noisy_outputs(kind, labels),
        np.zeros_like(right_outputs(kind, labels)),
    ):
        assert math.isfinite(evaluate(make(kind, name), outputs, labels, offsets))
    assert math.isfinite(trivial(make(kind, name), train, labels, offsets))


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_one_row_is_a_table(name, kind):
    labels, _ = sample(kind, rows=6)
    offsets = np.array([0, 1]) if kind in {"tagging", "ranking"} else None
    assert math.isfinite(evaluate(make(kind, name), noisy_outputs(kind, labels[:1]), labels[:1], offsets))


@pytest.mark.parametrize(("name", "kind"), EVERY)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_outputs_that_are_not_finite_are_an_error_that_names_the_task(name, kind, bad):
    labels, offsets = sample(kind)
    outputs = right_outputs(kind, labels)
    outputs[3] = bad
    with pytest.raises(MtlkdError) as caught:
        evaluate(make(kind, name), outputs, labels, offsets)
    assert caught.value.where == "task t"


def test_how_many_outputs_are_not_finite_is_said(refused):
    with refused():
        evaluate(make("regression", "rmse"), np.array([0, np.inf, 1, np.nan], np.float32), np.zeros(4, np.float32))


@pytest.mark.parametrize(
    ("kind", "name", "reference"),
    [
        ("binary", "accuracy", lambda y, z: sk.accuracy_score(y, z >= 0)),
        ("binary", "f1", lambda y, z: sk.f1_score(y, z >= 0)),
        ("binary", "average_precision", sk.average_precision_score),
        ("binary", "auc", sk.roc_auc_score),
        ("multiclass", "accuracy", lambda y, z: sk.accuracy_score(y, z.argmax(1))),
        ("multiclass", "micro_f1", lambda y, z: sk.accuracy_score(y, z.argmax(1))),
        ("multiclass", "macro_f1", lambda y, z: sk.f1_score(y, z.argmax(1), average="macro")),
        ("multilabel", "micro_f1", lambda y, z: sk.f1_score(y, z >= 0, average="micro")),
        ("multilabel", "macro_f1", lambda y, z: sk.f1_score(y, z >= 0, average="macro")),
        ("multilabel", "average_precision", sk.average_precision_score),
        ("multilabel", "auc", sk.roc_auc_score),
        ("regression", "pearson", lambda y, z: stats.pearsonr(y, z).statistic),
        ("regression", "spearman", lambda y, z: stats.spearmanr(y, z).statistic),
        ("regression", "rmse", lambda y, z: sk.root_mean_squared_error(y, 2.0 * z + 3)),
        ("regression", "mae", lambda y, z: sk.mean_absolute_error(y, 2.0 * z + 3)),
        ("regression", "r2", lambda y, z: sk.r2_score(y, 2.0 * z + 3)),
    ],
)
def test_values_are_the_library_s(kind, name, reference):
    labels, _ = sample(kind)
    outputs = noisy_outputs(kind, labels)
    # 1e-5: outputs are float32
    assert evaluate(make(kind, name), outputs, labels) == pytest.approx(float(reference(labels, outputs)), rel=1e-5)


BARE = {
    ("binary", "accuracy"): lambda labels, found: sk.accuracy_score(labels, found > 0),
    ("binary", "f1"): lambda labels, found: sk.f1_score(labels, found > 0, zero_division=1.0),
    ("multiclass", "accuracy"): lambda labels, found: sk.accuracy_score(labels, found.argmax(axis=1)),
    ("multiclass", "micro_f1"): lambda labels, found: sk.f1_score(labels, found.argmax(axis=1), average="micro"),
    ("multilabel", "micro_f1"): lambda labels, found: sk.f1_score(labels, found > 0, average="micro", zero_division=1),
    ("regression", "rmse"): lambda labels, found: sk.root_mean_squared_error(labels, found.astype(float) * 2 + 3),
    ("regression", "mae"): lambda labels, found: sk.mean_absolute_error(labels, found.astype(float) * 2 + 3),
}


@pytest.mark.parametrize(("kind", "name"), BARE)
def test_what_skips_the_library_s_checks_is_its_value_bit_for_bit(kind, name):
    for rows in (1, 2, 7, 300):
        labels, _ = sample(kind, rows=rows)
        for outputs in (noisy_outputs(kind, labels), right_outputs(kind, labels)):
            assert evaluate(make(kind, name), outputs, labels, None) == BARE[kind, name](labels, outputs)


@pytest.mark.parametrize(("name", "kind"), [(n, k) for n, k in EVERY if k in {"binary", "multilabel"}])
def test_the_threshold_decides_unless_the_metric_ranks(name, kind):
    labels, _ = sample(kind)
    outputs = noisy_outputs(kind, labels)
    usual, strict = (evaluate(make(kind, name, threshold=at), outputs, labels) for at in (0.5, 0.999))
    assert (usual == strict) == (name in {"auc", "average_precision"})


def test_a_probability_of_exactly_the_threshold_counts_as_predicted():
    assert evaluate(make("binary", "f1", threshold=0.5), np.zeros(4, np.float32), np.ones(4, np.float32)) == 1


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "micro_f1"])
def test_a_class_unseen_in_train_is_a_miss(name):
    labels, _ = sample("multiclass")
    outputs = right_outputs("multiclass", labels)
    unseen = labels.copy()
    unseen[:6] = -1
    value = evaluate(make("multiclass", name), outputs, unseen)
    assert value < 1
    if name != "macro_f1":
        assert value == pytest.approx(54 / 60)


def test_macro_f1_is_over_the_classes_seen_in_train():
    # class 0: precision 1/2, recall 1; class 1: perfect; classes 2 and 3 neither occur nor are predicted
    outputs = logits_of([0, 0, 1], 4)
    assert evaluate(make("multiclass", "macro_f1"), outputs, np.array([0, -1, 1])) == pytest.approx((2 / 3 + 1) / 2)


@pytest.mark.parametrize("name", ["macro_f1", "micro_f1", "average_precision", "auc"])
def test_a_label_unseen_in_train_is_a_miss(name):
    labels, _ = sample("multilabel")
    outputs = right_outputs("multilabel", labels)
    unseen = np.pad(labels, ((0, 0), (0, 1)))
    unseen[:6, 3] = 1
    task = make("multilabel", name)
    assert evaluate(task, outputs, unseen) < evaluate(task, outputs, labels) == 1


def test_an_unseen_label_that_no_row_has_changes_nothing():
    labels, _ = sample("multilabel")
    outputs = noisy_outputs("multilabel", labels)
    for name, metric in METRICS.items():
        if "multilabel" in metric.kinds:
            task = make("multilabel", name)
            assert evaluate(task, outputs, np.pad(labels, ((0, 0), (0, 2)))) == evaluate(task, outputs, labels)


def test_spans_count_only_where_type_and_both_ends_agree():
    gold = [1, 2, 0, 3, 0, 1, 2]
    cut = [1, 0, 0, 3, 0, 3, 2]  # first city too short, date right, second city of the wrong type (then a stray I-city)
    value = evaluate(make("tagging", "span_f1"), logits_of(cut, 4), np.array(gold), np.array([0, 5, 7]))
    # 3 gold spans, 4 predicted, 1 in common
    assert value == pytest.approx(2 * 1 / (3 + 4))


def test_a_span_does_not_cross_the_border_of_two_rows():
    outputs = logits_of([1, 2], 4)
    task = make("tagging", "span_f1")
    assert evaluate(task, outputs, np.array([1, 2]), np.array([0, 2])) == 1
    assert evaluate(task, outputs, np.array([1, 3]), np.array([0, 1, 2])) == pytest.approx(0.5)


def test_an_unseen_tag_is_a_span_that_nothing_matches():
    task, offsets = make("tagging", "span_f1"), np.array([0, 4])
    gold = np.array([1, 0, -1, -1])
    assert evaluate(task, logits_of([1, 0, 0, 0], 4), gold, offsets) == pytest.approx(2 / 3)
    assert evaluate(task, logits_of([1, 0, 1, 2], 4), gold, offsets) == pytest.approx(1 / 2)


def test_tables_without_spans_ask_for_none():
    task, offsets, gold = make("tagging", "span_f1"), np.array([0, 2]), np.zeros(2, np.int64)
    assert evaluate(task, logits_of([0, 0], 4), gold, offsets) == 1
    assert evaluate(task, logits_of([0, 1], 4), gold, offsets) == 0


def test_tables_without_positives_ask_for_none():
    none = np.zeros(5, np.float32)
    assert evaluate(make("binary", "f1"), np.full(5, -1, np.float32), none) == 1
    assert evaluate(make("binary", "f1"), np.full(5, 1, np.float32), none) == 0
    assert evaluate(make("binary", "auc"), np.arange(5, dtype=np.float32), none) == 0.5
    assert evaluate(make("binary", "average_precision"), np.arange(5, dtype=np.float32), none) == 0


@pytest.mark.parametrize("name", ["pearson", "spearman"])
def test_a_constant_prediction_has_no_correlation(name):
    labels, _ = sample("regression")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert evaluate(make("regression", name), np.full(60, 0.3, np.float32), labels) == 0


def test_trivial_predictors_by_hand():
    labels = np.array([1, 0, 0, 0], np.float32)
    assert trivial(make("binary", "accuracy"), labels, labels) == 0.75
    assert trivial(make("binary", "accuracy"), 1 - labels, labels) == 0.25
    assert trivial(make("binary", "f1"), labels, labels) == 0
    assert trivial(make("binary", "f1"), 1 - labels, labels) == pytest.approx(2 * 1 / (4 + 1))
    assert trivial(make("binary", "auc"), labels, labels) == 0.5
    assert trivial(make("binary", "average_precision"), labels, labels) == 0.25
    assert trivial(make("binary", "accuracy", threshold=0.1), labels, labels) == 0.75
    codes = np.array([2, 2, 1, 0])
    assert trivial(make("multiclass", "accuracy"), codes, np.array([2, 2, 2, 1, -1])) == 0.6
    assert trivial(make("multiclass", "macro_f1"), codes, np.array([2, 1])) == pytest.approx((2 / 3 + 0) / 2)
    many = np.array([[1, 0, 1], [1, 0, 0], [1, 1, 0]], np.float32)
    assert trivial(make("multilabel", "micro_f1"), many, many) == pytest.approx(2 * 3 / (5 + 3))
    assert trivial(make("multilabel", "average_precision"), many, many) == pytest.approx((1 + 1 / 3 + 1 / 3) / 3)
    numbers = np.array([1, 2, 6], np.float32)
    assert trivial(make("regression", "mae"), numbers, np.array([3, 5], np.float32)) == pytest.approx(1)
    assert trivial(make("regression", "r2"), numbers, numbers) == pytest.approx(0, abs=1e-6)
    assert trivial(make("regression", "spearman"), numbers, numbers) == 0
    tags, offsets = sample("tagging")
    assert trivial(make("tagging", "span_f1"), tags, tags, offsets) == 0


def test_the_trivial_predictor_knows_only_the_train_labels():
    train, valid = np.array([0, 0, 1]), np.array([1, 1, 1, 0])
    assert trivial(make("multiclass", "accuracy"), train, valid) == 0.25


@given(
    perfect=st.sampled_from([0.0, 1.0]),
    guess=st.floats(-5, 5).map(lambda x: round(x, 3)),
    value=st.floats(-5, 5).map(lambda x: round(x, 3)),
)
def test_skill_runs_from_trivial_to_perfect(perfect, guess, value):
    assert skill(perfect, guess, perfect) == 1
    if guess != perfect:
        assert skill(guess, guess, perfect) == 0
        assert (skill(value, guess, perfect) > 0) == ((value - guess) * (perfect - guess) > 0)


def test_where_guessing_is_perfect_only_perfection_has_skill():
    assert skill(1.0, 1.0, 1.0) == 1
    assert skill(0.9, 1.0, 1.0) == 0


def test_a_metric_that_does_not_fit_names_those_that_do(refused, worded):
    problem = check_metric("accuracy", "regression", where="tasks.t.metric")
    assert problem.fix.endswith("pearson, spearman, rmse, mae, r2")
    worded(problem)
    worded(check_metric("speerman", "regression", where="x"))
    assert check_metric("rmse", "regression", where="x") is None
    assert check_metric("ndcg@7", "ranking", where="x") is None
    for name in ("ndcg@0", "ndcg@x", "map@3", "rmse@3"):
        problem = check_metric(name, "ranking", where="x")
        assert problem.fix.endswith("map, mrr, ndcg, ndcg@K")
        worded(problem)
    with refused():
        evaluate(replace(make("binary", "f1"), metric="rmse"), np.zeros(2, np.float32), np.zeros(2, np.float32))


def test_every_kind_has_a_metric_and_only_errors_are_better_when_low():
    assert {kind for _, kind in EVERY} == set(KINDS)
    assert {name for name, metric in METRICS.items() if metric.sign == -1} == {"rmse", "mae"}
    assert all(metric.name == name for name, metric in METRICS.items())


def test_tagging_without_offsets_is_refused(refused):
    with refused(ValueError):
        evaluate(make("tagging", "span_f1"), logits_of([1, 0], 4), np.array([1, 0]))
