import numpy as np
import pytest

from ray_mtlkd.report.load import of
from ray_mtlkd.report.prediction_files import PredictionFile
from ray_mtlkd.report.row_noise import RowNoiseReader
from ray_mtlkd.storage import Storage
from tests.predictions import predicted

ROWS = 2000
POINTS = 100


@pytest.fixture
def measured(made):
    """Row noise of trials: by strategy, by seed, the codes that each task's rows are predicted to be, all labelled 1.

    Tasks t0, t1, … have accuracy, whose trivial value is .1 and perfect value 1.
    """

    def measure(trials, *, shared=False, metric="accuracy"):
        some = next(iter(trials.values()))[0]
        reader = RowNoiseReader(of(made("sum", seed=1, test=[0.5] * len(some), trivial=0.1, perfect=1.0)))
        for strategy, seeds in trials.items():
            for seed, tasks in enumerate(seeds):
                file = PredictionFile(
                    setup="s",
                    strategy=strategy,
                    key=("w", seed),
                    checksum="",
                    folder=Storage.at("."),
                    name=f"{strategy}-{seed}",
                )
                for at, codes in enumerate(tasks):
                    likeliest = np.asarray(codes, np.int32)[:, None]
                    labels, table = np.ones(len(codes)), 0 if shared else at
                    part = predicted("multiclass", metric, labels, task=f"t{at}", likeliest=likeliest, table=table)
                    reader.add(file, part)
        return reader.noise()

    return measure


def _right(share, *, seed, rows=ROWS):
    return (np.random.default_rng(seed).random(rows) < share).astype(int)


def _in_points(variance):
    return variance * (POINTS / 0.9) ** 2


def test_one_seed_s_variance_is_that_of_the_rows_differences_over_their_number(measured):
    first, second = _right(0.8, seed=1), _right(0.7, seed=2)
    found = measured({"a": [[first]], "b": [[second]]}).variances("s", ["a", "b"])
    expected = _in_points(np.var(first - second) / ROWS)
    assert found[0, 1] == pytest.approx(expected, rel=0.25)
    assert found[0, 1] == found[1, 0]
    assert np.diag(found) == pytest.approx(0, abs=1e-9)


def test_strategies_that_predict_the_same_have_no_variance(measured):
    codes = [_right(0.8, seed=seed) for seed in (1, 2, 3)]
    noise = measured({"a": [[each] for each in codes], "b": [[each] for each in codes]})
    assert noise.variances("s", ["a", "b"])[0, 1] == pytest.approx(0, abs=1e-9)


def test_tasks_of_one_table_are_drawn_together_and_those_of_their_own_apart(measured):
    first, second = _right(0.8, seed=1), _right(0.7, seed=2)
    trials = {"a": [[first, first]], "b": [[second, second]]}
    alone = measured({"a": [[first]], "b": [[second]]}).variances("s", ["a", "b"])[0, 1]
    together = measured(trials, shared=True).variances("s", ["a", "b"])[0, 1]
    apart = measured(trials).variances("s", ["a", "b"])[0, 1]
    assert together == pytest.approx(alone)
    assert apart == pytest.approx(alone / 2, rel=0.25)


def test_rows_beyond_the_limit_share_their_counts_without_a_change_of_the_variance(measured, monkeypatch):
    monkeypatch.setattr("ray_mtlkd.report.resampler.UNITS", 500)
    first, second = _right(0.8, seed=1, rows=20_000), _right(0.7, seed=2, rows=20_000)
    found = measured({"a": [[first]], "b": [[second]]}).variances("s", ["a", "b"])[0, 1]
    assert found == pytest.approx(_in_points(np.var(first - second) / 20_000), rel=0.25)


def test_tasks_count_by_their_weights(measured):
    one, two = (_right(0.8, seed=1), _right(0.7, seed=2)), (_right(0.6, seed=3), _right(0.5, seed=4))
    noise = measured({"a": [[one[0], two[0]]], "b": [[one[1], two[1]]]})
    only = measured({"a": [[one[0]]], "b": [[one[1]]]})
    weighed = noise.variances("s", ["a", "b"], weights=np.array([2.0, 0.0]))
    assert weighed[0, 1] == pytest.approx(only.variances("s", ["a", "b"])[0, 1])


def test_what_is_not_stored_or_cannot_be_resampled_is_not_known(measured):
    trials = {"a": [[_right(0.8, seed=1)]], "b": [[_right(0.7, seed=2)]]}
    found = measured(trials).variances("s", ["a", "b", "c"])
    assert np.isfinite(found[:2, :2]).all()
    assert np.isnan(found[2]).all()
    foreign = measured(trials, metric="mine:COST")
    assert foreign.unknown == {"s": ("t0",)}
    assert np.isnan(foreign.variances("s", ["a", "b"])).all()


def test_variances_are_those_of_one_covariance_however_few_seeds(measured):
    trials = {f"s{at}": [[_right(0.7, seed=10 * at + seed)] for seed in range(2)] for at in range(5)}
    found = measured(trials).variances("s", list(trials))
    centre = np.eye(5) - 0.2
    assert np.linalg.eigvalsh(-centre @ found @ centre).min() > -1e-9


def test_seeds_and_rows_together_give_the_variance_of_whole_experiments(measured):
    """Rows of shared difficulty, on which one strategy is better by chance of the table and seeds differ besides."""
    seeds, rows, truth, told = 4, 250, [], []
    for table in range(120):
        rng = np.random.default_rng(table)
        difficulty, favour = rng.normal(size=rows), rng.normal(size=rows)
        trials = {
            name: [
                [(difficulty + sign * favour + 0.1 * rng.normal() + rng.normal(size=rows) > -0.5).astype(int)]
                for _ in range(seeds)
            ]
            for name, sign in (("a", 1.0), ("b", -1.0))
        }
        difference = [
            (np.mean(first) - np.mean(second)) * POINTS / 0.9
            for first, second in zip(trials["a"], trials["b"], strict=True)
        ]
        truth.append(np.mean(difference))
        by_rows = measured(trials).variances("s", ["a", "b"])[0, 1]
        told.append([np.var(difference, ddof=1) / seeds, by_rows])
    over_seeds, by_rows = np.mean(told, axis=0)
    assert over_seeds + by_rows == pytest.approx(np.var(truth), rel=0.25)  # 120 tables: 13 % either way
    assert over_seeds < 0.6 * np.var(truth)
