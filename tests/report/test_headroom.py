import numpy as np
import pytest

from ray_mtlkd.report.advice import advise
from ray_mtlkd.report.classical import Classical
from ray_mtlkd.report.headroom import advised, headroom, to_hold
from ray_mtlkd.report.statistics import estimate
from ray_mtlkd.report.summary import summarise
from tests.columns import changed


@pytest.fixture
def joint(made):
    """A trial of ``sum`` on two tasks, whose peaks are so many percent better than the checkpoint."""

    def trial(seed, *, valid, test, setup="s", strategy="sum"):
        records = made(strategy, seed=seed, test=[0.5, 2.0], signs=[1, -1], setup=setup)
        return [
            changed(
                record,
                valid_peak=record.result.valid * (1 + record.identity.sign * valid / 100),
                test_peak=record.result.test * (1 + record.identity.sign * test / 100),
            )
            for record in records
        ]

    return trial


def test_headroom_is_the_mean_gain_of_every_tasks_peak_over_the_checkpoint(made, setups_of):
    trial = made("sum", seed=1, valid=[0.5, 2.0], test=[0.4, 4.0], signs=[1, -1])
    peaks = [(0.55, 0.42), (1.9, 4.4)]
    trial = [changed(record, valid_peak=v, test_peak=t) for record, (v, t) in zip(trial, peaks, strict=True)]
    (setup,) = setups_of(trial)
    assert headroom(setup.runs[0], setup, "valid") == pytest.approx([(10 + 5) / 2])
    assert headroom(setup.runs[0], setup, "test") == pytest.approx([(5 - 10) / 2])


def test_a_metric_of_zero_at_the_checkpoint_leaves_headroom_unknown(made, setups_of):
    (setup,) = setups_of(made("sum", seed=1, valid=[0.0, 0.5], test=[0.5, 0.5]))
    assert np.isnan(headroom(setup.runs[0], setup, "valid")).all()
    assert advised(setup) == ""


@pytest.mark.parametrize(
    ("valid", "test", "found"),
    [
        ([0.4, 0.4], [0.3, 0.31], "little"),
        ([2.0, 2.1, 2.0], [0.1, 0.11, 0.1], "little"),
        ([2.0, 2.1, 2.0], [1.0, 1.1, 1.2], "something"),
        ([2.0, 2.1, 2.0], [-1.0, 1.0, 2.0], "not shown"),
        ([2.0], [2.0], "not shown"),
        ([2.0, 2.1, 2.0], [-1.0, -1.1, -1.2], "little"),
    ],
)
def test_what_distilling_could_hold_takes_validation_for_the_most_and_test_for_proof(valid, test, found):
    assert to_hold(estimate(np.array(valid)), estimate(np.array(test))) == found


def test_the_advice_says_what_distilling_could_hold(joint, setups_of):
    setups = setups_of(*(joint(seed, valid=2 + seed / 10, test=1 + seed / 10) for seed in (1, 2, 3)))
    said = advise(setups, summarise(setups), Classical(), {}).said.split("\n\n")
    assert said[-1] == (
        "Holding every task's peak would add at most about 2.20 % to `sum` here (+2.20 [+1.95, +2.45] % on validation, "
        "+1.20 [+0.95, +1.45] % on test): distilling has something to hold."
    )


def test_with_several_setups_each_says_so_of_its_own(joint, setups_of):
    setups = setups_of(
        *(joint(seed, valid=2 + seed / 10, test=1, setup="a") for seed in (1, 2)),
        *(joint(seed, valid=0.1, test=-0.1, setup="b") for seed in (1, 2)),
    )
    *_, items = advise(setups, summarise(setups), Classical(), {}).said.split("\n\n")
    ends = [item.rpartition(": ")[2] for item in items.splitlines()]
    assert ends == ["distilling has something to hold.", "distilling has little to hold."]


def test_without_sum_another_baseline_tells_and_without_any_nothing_is_said(joint, setups_of):
    (setup,) = setups_of(joint(1, valid=0.1, test=0.0, strategy="pcgrad"))
    assert "to `pcgrad` here" in advised(setup)
    (setup,) = setups_of(joint(1, valid=0.1, test=0.0, strategy="joint_kd"))
    assert advised(setup) == ""
