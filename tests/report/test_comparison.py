import numpy as np
import pytest
from scipy import stats

from ray_mtlkd.report.comparison import compare
from ray_mtlkd.report.skills import Skills


def _skills(test, *, configurations=None):
    """Strategies ``0``, ``1``, … from points [k, n] or [k, n, m]."""
    test = np.asarray(test, dtype=float)
    test = test[..., None] if test.ndim == 2 else test
    return Skills(
        strategies=tuple(map(str, range(len(test)))),
        seeds=tuple(("w", seed) for seed in range(test.shape[1])),
        configurations=configurations or tuple((at,) for at in range(len(test))),
        test=test,
        valid=test,
    )


def _noise(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape)


def test_two_strategies_are_compared_as_scipys_paired_t_test_does():
    test = _noise(2, 5)
    found = compare(_skills(test)).contrast("0", "1")
    wanted = stats.ttest_rel(*test).confidence_interval(0.95)
    assert found.raw == pytest.approx((wanted.low, wanted.high))
    assert found.interval == pytest.approx(found.raw)  # a family of one pair
    assert (found.df, found.seeds) == (4, 5)


def test_what_a_seed_does_to_all_strategies_cancels():
    test = _noise(4, 5)
    shifted = test + 100 * _noise(1, 5, seed=2)
    assert compare(_skills(shifted)).contrast("2", "0").raw == pytest.approx(
        compare(_skills(test)).contrast("2", "0").raw
    )


def test_where_variances_are_equal_they_are_pooled_as_in_a_two_way_analysis_of_variance():
    # three orthogonal rows of the same length: every pair's differences vary alike
    test = np.array([[1.0, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]])
    found = compare(_skills(test))
    rest = test - test.mean(axis=1, keepdims=True) - test.mean(axis=0) + test.mean()
    assert np.isinf(found.prior.df)
    assert found.contrast("0", "1").df == 6  # (k - 1)(n - 1)
    assert found.contrast("0", "1").variance["seeds"] == pytest.approx(2 * (rest**2).sum() / 6 / 4)


def test_a_strategy_with_far_more_luck_keeps_its_own_variance():
    test = _noise(8, 8, seed=3)
    test[0] *= 12
    found = compare(_skills(test))
    assert found.prior.df < 5
    assert found.variances["seeds"][0, 1] > 10 * found.variances["seeds"][2, 1]


def test_one_seed_has_no_interval_and_shows_nothing():
    found = compare(_skills([[1.0], [40.0]])).contrast("1", "0")
    assert (found.mean, found.raw, found.interval, found.finding) == (39.0, None, None, "cannot tell")


def test_intervals_of_many_pairs_are_wider():
    found = compare(_skills(_noise(3, 5)))
    assert found.family == 3
    (low, high), (raw_low, raw_high) = (getattr(found.contrast("0", "1"), name) for name in ("interval", "raw"))
    assert low < raw_low < raw_high < high


@pytest.mark.parametrize(
    ("test", "finding"),
    [
        ([0.0, 0.1, 0.2, 0.1], "equivalent"),
        ([1.0, 1.1, 1.2, 1.1], "better"),
        ([-1.0, -1.1, -1.2, -1.1], "worse"),
        ([-2.0, 2.0, 1.0, -1.0], "cannot tell"),
    ],
)
def test_the_interval_says_what_is_shown(test, finding):
    assert compare(_skills([test, [0.1, 0.0, 0.2, 0.1]]), margin=0.5).contrast("0", "1").finding == finding


def test_seeds_that_a_strategy_lacks_are_left_out_of_its_pairs_only():
    test = _noise(3, 5)
    test[2, 0] = np.nan
    found = compare(_skills(test))
    assert found.contrast("0", "1").seeds == 5
    assert found.contrast("0", "2").seeds == 4
    assert found.contrast("0", "2").mean == pytest.approx((test[0] - test[2])[1:].mean())
    test[2, 1:] = np.nan
    test[2, 0] = 1.0
    test[0, 0] = np.nan
    assert compare(_skills(test)).contrast("0", "2") is None


def test_configurations_that_differ_widen_what_seeds_alone_would_say():
    test = _noise(6, 4, 2)
    far = test + 5 * _noise(6, 1, 2, seed=9)
    near, wide = compare(_skills(test)).contrast("0", "1"), compare(_skills(far)).contrast("0", "1")
    assert near.variance["configurations"] < 1
    assert wide.variance["configurations"] > 5
    assert wide.variance["seeds"] == pytest.approx(near.variance["seeds"])
    assert wide.df < 12  # about as many as strategies


def test_what_the_same_configuration_does_to_all_strategies_cancels():
    test = _noise(6, 4, 2)
    shifted = test + 50 * np.array([-1.0, 1.0])
    same = tuple((0, 1) for _ in range(6))
    assert compare(_skills(shifted, configurations=same)).contrast("0", "1").variance["configurations"] < 1
    assert compare(_skills(test, configurations=same)).contrast("0", "1").raw == pytest.approx(
        compare(_skills(shifted, configurations=same)).contrast("0", "1").raw
    )


def test_rows_of_the_test_table_are_added():
    test, rows = _noise(3, 5), np.array([[0, 4.0, np.nan], [4.0, 0, 4.0], [np.nan, 4.0, 0]])
    found, without = compare(_skills(test), rows=rows), compare(_skills(test))
    assert found.contrast("0", "1").variance == {**without.contrast("0", "1").variance, "rows": 4.0}
    assert found.contrast("0", "2").raw == pytest.approx(without.contrast("0", "2").raw)


def test_the_chance_to_be_the_best_follows_means_and_variances():
    test = _noise(3, 8) / 10
    test[1] += 5
    found = compare(_skills(test)).best(("0", "1", "2"))
    assert found["1"] == 1.0
    assert sum(found.values()) == pytest.approx(1.0)
    equal = compare(_skills(_noise(2, 8) * 0 + np.array([[0, 1, 0, 1, 0, 1, 0, 1], [1, 0, 1, 0, 1, 0, 1, 0]])))
    assert equal.best(("0", "1"))["0"] == pytest.approx(0.5, abs=0.02)
    assert compare(_skills([[1.0], [2.0]])).best(("0", "1")) == {}


def test_strategies_whose_trials_are_the_same_are_as_likely_the_best():
    test = np.array([[60.1, 60.3], [60.1, 60.3], [60.1, 60.3], [50.1, 50.3]])
    chances = compare(_skills(test)).best(("0", "1", "2", "3"))
    assert chances == pytest.approx({"0": 1 / 3, "1": 1 / 3, "2": 1 / 3, "3": 0.0})


def test_more_seeds_make_narrower_intervals_but_not_of_what_rows_leave_open():
    rows = 9.0 * (1 - np.eye(3))
    found = compare(_skills(_noise(3, 4)), rows=rows)
    later = found.after(96).contrast("0", "1")
    assert later.seeds == 100
    assert later.variance["seeds"] == pytest.approx(found.contrast("0", "1").variance["seeds"] / 25)
    assert later.interval[1] - later.interval[0] > 2 * 1.96 * 3


@pytest.mark.parametrize("kind", ["equal", "outlier"])
def test_false_claims_and_coverage_are_what_they_should_be(kind):
    draws, false, covered = np.random.default_rng(7), [], []
    for _ in range(300):
        test = draws.normal(size=(8, 5)) * (np.array([3, *[1] * 7])[:, None] if kind == "outlier" else 1)
        found = compare(_skills(test))
        half = stats.t.ppf(0.975, found.df) * np.sqrt(found.variances["seeds"])
        upper = np.triu_indices(8, 1)
        covered.append((np.abs(found.means) <= half)[upper].mean())
        false.append(found.better.any())
    assert np.mean(false) <= 0.1  # 300 draws: standard error 1.3 % at 5 %
    assert 0.92 <= np.mean(covered) <= 0.97


@pytest.mark.parametrize("rows", [1e-4, 0.05, 0.2, 2.0])
def test_a_part_that_is_known_well_never_narrows_an_interval(rows):
    skills = _skills(_noise(12, 5) * np.arange(1, 13)[:, None])
    alone, more = (compare(skills, rows=each, family=2000) for each in (None, np.full((12, 12), rows)))
    for at in range(1, 12):
        (low, high), (wider_low, wider_high) = (each.contrast("0", str(at)).interval for each in (alone, more))
        assert wider_high - wider_low >= high - low - 1e-9
    assert (more.better <= alone.better).all()
