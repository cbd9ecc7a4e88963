"""Sentences on strategies that distilled too little, from records made by hand."""

import pytest

from ray_mtlkd.report.distilled import cautions
from ray_mtlkd.report.load import of
from tests.columns import changed

STEPS = 1000


def _together(*trials):
    return of([record for trial in trials for record in trial])


@pytest.fixture
def trial(made):
    """A trial whose tasks converged at these steps, None for never; all that converged were relabelled."""

    def of_steps(*steps, strategy="joint_kd", seed=1, relabelled="inline"):
        records = made(strategy, seed=seed, test=[0.5] * len(steps), steps=STEPS)
        return [
            changed(record, converged_step=step, relabelled_where=None if step is None else relabelled)
            for record, step in zip(records, steps, strict=True)
        ]

    return of_steps


def test_a_strategy_none_of_whose_tasks_converged_trained_like_its_balancer(made):
    trials = [made("joint_kd", seed=seed, test=[0.5], converged_step=None) for seed in (1, 2)]
    other = [changed(trials[0][0], strategy="joint_kd+gradnorm", balancer="gradnorm", trial="other")]
    assert cautions(_together(*trials, other)) == [
        "s: no task converged within the budget, so `joint_kd` trained like `sum`",
        "s: no task converged within the budget, so `joint_kd+gradnorm` trained like `gradnorm`",
    ]


def test_a_task_may_converge_too_late_to_be_relabelled(made):
    assert cautions(_together(made("sequential_kd", seed=1, test=[0.5], converged_step=9))) == [
        "s: no task was relabelled within the budget, so `sequential_kd` trained like `sequential`"
    ]


def test_what_does_not_distil_is_not_told(made, trial):
    assert cautions(_together(made("sum", seed=1, test=[0.5]))) == []
    assert cautions(_together(trial(None, None, None, strategy="stop"))) == []


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ((100, None, None), "1 of 3 tasks converged; "),
        ((100, 200, None), None),
        ((100, 200, None, None), None),
        ((100, 901, 950), "3 of 3 tasks converged, 2 of them in the last tenth of its steps; "),
        ((100, 900, 950), None),
    ],
)
def test_fewer_than_half_in_time_is_hardly_distilled(trial, steps, told):
    found = cautions(_together(trial(*steps)))
    said = f"s: `joint_kd` hardly distilled: {told}give it more steps before you conclude"
    assert found == ([] if told is None else [said])


def test_the_median_trial_decides_and_is_what_is_told(trial):
    few, some, many = (None, None, 100), (None, 950, 100), (100, 100, 100)
    trials = [trial(*steps, seed=seed) for seed, steps in enumerate((many, few, few))]
    (said,) = cautions(_together(*trials))
    assert said.startswith("s: `joint_kd` hardly distilled: 1 of 3 tasks converged (the median of 3 trials); ")
    assert cautions(_together(*(trial(*steps, seed=seed) for seed, steps in enumerate((many, few, many))))) == []
    assert "2 of 3 tasks converged, 1 of them" in cautions(_together(trial(*some)))[0]


def test_teachers_that_were_there_from_the_start_are_in_time(made):
    given = made("joint_kd", seed=1, test=[0.5, 0.5], steps=STEPS, converged_step=None, relabelled_where="given")
    assert cautions(_together(given)) == []


@pytest.mark.parametrize(
    ("checkpoints", "told"),
    [((100, 90), "2 of 2"), ((100, 101), "1 of 2"), ((101, 500), None), ((None, None), None)],
)
def test_a_checkpoint_from_before_the_first_task_distilled_is_told(trial, checkpoints, told):
    trials = [
        [changed(record, checkpoint_step=step) for record in trial(100, 300, None, seed=seed)]
        for seed, step in enumerate(checkpoints)
    ]
    said = (
        f"s: in {told} trials the best checkpoint of `joint_kd` is from before its first task distilled, "
        "so what is measured there trained like `sum`"
    )
    assert cautions(_together(*trials)) == ([] if told is None else [said])


def test_what_distils_from_the_start_has_no_checkpoint_before_that(made):
    steps = {"steps": STEPS, "checkpoint_step": 10}
    given = made("joint_kd", seed=1, test=[0.5, 0.5], converged_step=50, relabelled_where="given", **steps)
    taught = made("joint_kd b", seed=2, test=[0.5, 0.5], converged_step=None, relabelled_where="inline", **steps)
    assert cautions(_together(given, taught)) == []


@pytest.fixture
def ending(made):
    """A trial whose relabelled tasks had these skills as they converged and at the end, of a metric of this sign."""

    def of_skills(*skills, seed=1, sign=1, **columns):
        records = made("joint_kd", seed=seed, test=[0.5] * len(skills), steps=STEPS, checkpoint_step=STEPS)
        room = {"sign": sign, "trivial": 2.0, "perfect": 2.0 + sign * 3.0, "converged_step": 100}
        ends = [{"teacher": 2 + 3 * sign * taught, "valid_end": 2 + 3 * sign * held} for taught, held in skills]
        given = {"relabelled_where": "inline", **columns}
        return [changed(record, **room, **end, **given) for record, end in zip(records, ends, strict=True)]

    return of_skills


@pytest.mark.parametrize("sign", [1, -1])
def test_a_task_that_ends_far_below_its_teacher_in_half_of_the_trials_is_told(ending, sign):
    ends = [(0.8, 0.4), (0.8, 0.7), (0.8, 0.2), (0.8, 0.7)]
    (said,) = cautions(_together(*(ending((0.5, 0.45), each, seed=at, sign=sign) for at, each in enumerate(ends))))
    assert said == (
        "s: `joint_kd` does not hold what it distils: at the end skill on validation is below the teacher's, of t1 by"
        " 31 % (the median of 4 trials, in 2 of them by more than 20 %); let distilling tasks take more batches (a"
        " lower `kd.every`) or weigh more (`kd.kd_weight`)"
    )


def test_falls_in_few_trials_or_of_little_or_from_nothing_are_not_told(ending):
    assert cautions(_together(*(ending((0.8, 0.4 if seed == 1 else 0.7), seed=seed) for seed in (1, 2, 3)))) == []
    assert cautions(_together(ending((0.8, 0.65), (-0.1, -0.5)))) == []


@pytest.mark.parametrize("columns", [{"relabelled_where": "given"}, {"converged_step": None}, {"valid_end": None}])
def test_teachers_that_are_no_earlier_state_of_the_student_are_out_of_its_reach(ending, columns):
    of = [changed(record, **columns) for record in ending((0.8, 0.1))]
    assert not any("does not hold" in said for said in cautions(_together(of)))
