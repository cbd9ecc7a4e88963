import pytest

from ray_mtlkd.report.quantities import QUANTITIES, Quantity
from ray_mtlkd.report.text import NOTHING, number
from tests.columns import changed

NAMES = [quantity.name for quantity in QUANTITIES]


def test_a_trial_without_a_number_leaves_a_measure_without_one(made, setups_of):
    teacher = Quantity(
        name="teacher",
        title="teacher",
        of=lambda runs, _: runs.per_task["teacher"].mean(axis=1),
        shown=lambda found: number(found.mean),
    )
    trials = [made("joint_kd", seed=seed, test=[0.5, 0.5], teacher=0.5) for seed in (1, 2)]
    (setup,) = setups_of(*trials)
    assert teacher.cell(setup.runs[0], setup) == "0.500"
    (setup,) = setups_of(*trials, made("joint_kd", seed=3, test=[0.5, 0.5], teacher=None))
    assert teacher.cell(setup.runs[0], setup) == NOTHING


@pytest.mark.parametrize(("strategy", "cell"), [("sum", "650"), ("single_task", NOTHING)])
def test_how_far_apart_tasks_of_one_model_peak_is_told_in_steps(made, setups_of, strategy, cell):
    trials = []
    for seed, steps in enumerate(([100, 400, 250], [200, 1200, 300])):
        trial = made(strategy, seed=seed, test=[0.5] * 3)
        trials.append([changed(record, peak_step=step) for record, step in zip(trial, steps, strict=True)])
    (setup,) = setups_of(*trials)
    (spread,) = (quantity for quantity in QUANTITIES if quantity.name == "peak_spread_steps")
    assert spread.cell(setup.runs[0], setup) == cell


def test_a_strategy_without_a_finished_trial_has_no_numbers(made, failed, setups_of):
    (setup,) = setups_of(failed(made("sum", seed=1, test=[0.5]), "killed"))
    assert {quantity.cell(setup.runs[0], setup) for quantity in QUANTITIES} == {NOTHING}


def test_names_of_measures_are_different():
    assert len(set(NAMES)) == len(NAMES)
