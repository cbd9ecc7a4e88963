import csv
import io

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from ray_mtlkd.report import load
from ray_mtlkd.report.build import build
from ray_mtlkd.report.row_findings import read_rows
from tests.columns import changed
from tests.predictions import predicted, store

ROWS = 300
SHARES = {"sum": 0.7, "static": 0.6}
TASKS = ("topic", "match", "rating", "tags", "spans", "find")
METRICS = {
    "topic": ("multiclass", "accuracy"),
    "match": ("binary", "f1"),
    "rating": ("regression", "pearson"),
    "tags": ("multilabel", "micro_f1"),
    "spans": ("tagging", "span_f1"),
    "find": ("ranking", "ndcg@3"),
}


def parts(strategy, seed, *, labels_of=0):
    """Predictions of every kind of task; labels are the same for all strategies and seeds."""
    fixed, rng = np.random.default_rng(labels_of), np.random.default_rng([len(strategy), seed])
    right = rng.random(ROWS) < SHARES[strategy]
    codes = fixed.integers(0, 4, ROWS)
    yes, much = fixed.integers(0, 2, ROWS), fixed.normal(size=ROWS)
    several = fixed.integers(0, 2, (ROWS, 3))
    said = np.where(right, codes, (codes + 1) % 4)
    sure = rng.uniform(0.5, 1, ROWS)
    classes = {"likeliest": said[:, None].astype(np.int32), "probabilities": sure[:, None].astype(np.float16)}
    fives = np.arange(0, ROWS + 1, 5)

    def logits(answers):
        return (np.where(answers, 1.0, -1.0) * rng.uniform(0.1, 3, answers.shape)).astype(np.float32)

    noisy = (much + rng.normal(size=ROWS)).astype(np.float32)
    made = {
        "topic": {"labels": codes, **classes},
        "match": {"labels": yes, "outputs": logits(yes == right), "classes": ("no", "yes")},
        "rating": {"labels": much, "outputs": noisy},
        "tags": {"labels": several, "outputs": logits(several == right[:, None]), "classes": ("p", "q", "r")},
        "spans": {"labels": codes, "offsets": fives, **classes},
        "find": {"labels": yes, "outputs": noisy, "offsets": fives, "rows": np.arange(ROWS, dtype=np.int32)},
    }
    return [
        predicted(*METRICS[task], members.pop("labels"), task=task, table=at, split=split, **members)
        for split in ("valid", "test")
        for at, (task, members) in enumerate((task, dict(made[task])) for task in TASKS)
    ]


@pytest.fixture
def sweep(tmp_path, made, write):
    """Two strategies, two seeds."""

    def trials():
        for strategy in SHARES:
            for seed in (1, 2):
                records = made(strategy, seed=seed, test=[0.5] * len(TASKS))
                named = [_named(record, task, *METRICS[task]) for record, task in zip(records, TASKS, strict=True)]
                yield store(tmp_path, named, parts(strategy, seed))

    return write(tmp_path, trials())


def _named(record, task, kind, metric):
    return changed(record, task=task, kind=kind, metric=metric)


def _found(sweep):
    return read_rows([str(sweep)], load.read([str(sweep)]))


def _test(strategy, seed):
    return {part.task: part for part in parts(strategy, seed) if part.split == "test"}


def test_confusions_are_scikit_learn_s_summed_over_seeds(sweep):
    found = _found(sweep).confusions
    assert {task for _, task, _ in found} == {"topic", "match", "spans"}
    for strategy in SHARES:
        expected = sum(
            confusion_matrix(_test(strategy, seed)["topic"].labels, _test(strategy, seed)["topic"].likeliest[:, 0])
            for seed in (1, 2)
        )
        np.testing.assert_array_equal(found["s", "topic", strategy].counts, [*expected, [0, 0, 0, 0]])
        assert found["s", "topic", strategy].trials == 2


def test_a_calibration_error_is_the_distance_between_what_is_said_and_what_is_true_bin_by_bin(sweep):
    found = _found(sweep).calibrations
    assert {task for _, task, _ in found} == {"topic", "match", "tags", "spans"}
    errors = []
    for seed in (1, 2):
        part = _test("sum", seed)["topic"]
        sure, right = part.probabilities[:, 0].astype(float), part.likeliest[:, 0] == part.labels
        at = (sure * 15).astype(int).clip(max=14)
        inside = [at == bin_ for bin_ in range(15) if (at == bin_).any()]
        errors.append(sum(abs(sure[each].mean() - right[each].mean()) * each.mean() for each in inside))
    assert found["s", "topic", "sum"].error == pytest.approx(np.mean(errors))


def test_the_rows_with_the_largest_differences_between_strategies_come_first(sweep):
    found = _found(sweep).disagreements
    assert {task for _, task in found} == set(TASKS)
    topic = found["s", "topic"]
    right = {
        name: np.mean(
            [_test(name, seed)["topic"].likeliest[:, 0] == _test(name, seed)["topic"].labels for seed in (1, 2)], axis=0
        )
        for name in SHARES
    }
    gap = np.abs(right["sum"] - right["static"]) / 2
    assert topic.spread[0] == gap.max()
    assert (np.diff(topic.spread) <= 0).all()
    for at, row in enumerate(topic.rows[:10]):
        assert topic.right[topic.strategies.index("sum"), at] == right["sum"][row]
        assert topic.labels[at] == "abcd"[int(_test("sum", 1)["topic"].labels[row])]


def test_row_noise_is_known_for_every_pair_of_strategies(sweep):
    found = _found(sweep).noise.variances("s", ["sum", "static"])
    assert found[0, 1] > 0


@pytest.mark.usefixtures("_figures_unsaved")
def test_the_page_and_csv_files_tell_of_rows(sweep, tmp_path):
    build([str(sweep)], tmp_path / "out")
    page = (tmp_path / "out" / "report.md").read_text()
    assert "### Rows of s" in page
    rows = {}
    for name in ("confusions", "calibration", "disagreements"):
        rows[name] = list(csv.DictReader(io.StringIO((tmp_path / "out" / f"{name}.csv").read_text())))
        assert {row["setup"] for row in rows[name]} == {"s"}
        assert {row["strategy"] for row in rows[name]} == set(SHARES)
    every = len(SHARES) * 2 * 3 * ROWS  # seeds, tasks with classes
    assert sum(int(row["count"]) for row in rows["confusions"]) == every


@pytest.mark.usefixtures("_figures_unsaved")
def test_a_report_without_predictions_has_no_such_part(tmp_path, made, write):
    write(tmp_path, (made(strategy, seed=seed, test=[0.5, 0.6]) for strategy in SHARES for seed in (1, 2)))
    build([str(tmp_path)], tmp_path / "out")
    assert "Rows of s" not in (tmp_path / "out" / "report.md").read_text()
    assert not (tmp_path / "out" / "confusions.csv").exists()


def test_trials_on_other_rows_are_told_and_nothing_is_said_of_them(sweep, tmp_path, made, write):
    records = [
        _named(record, task, *METRICS[task])
        for record, task in zip(made("sum", seed=3, test=[0.5] * len(TASKS)), TASKS, strict=True)
    ]
    write(tmp_path, iter([store(tmp_path, records, parts("sum", 3, labels_of=1))]))
    found = _found(sweep)
    assert [said.partition(":")[0] for said in found.warnings] == ["s"]
    assert not found.confusions
    assert np.isnan(found.noise.variances("s", ["sum", "static"])).all()


def test_trials_whose_predictions_are_gone_are_counted(sweep):
    next((sweep / "predictions").iterdir()).unlink()
    (said,) = _found(sweep).warnings
    assert "1 of 4" in said
