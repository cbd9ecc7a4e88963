from ray_mtlkd.records import TrialWarning
from ray_mtlkd.report import gain_tables, history
from ray_mtlkd.report.load import of
from ray_mtlkd.report.section import ALL_SETUPS
from ray_mtlkd.report.summary import summarise
from ray_mtlkd.report.warnings import footnote, missing_seeds, of_trials, unequal_searches, unfinished

LATE = [TrialWarning(kind="untrained", task="t1", text="whatever is said of it")]


def _together(*trials):
    return of([record for trial in trials for record in trial])


def _trials(made, setup):
    yield from (made("sum", seed=seed, test=[0.5, 0.5], setup=setup) for seed in (1, 2))
    yield made("joint_kd", seed=1, test=[0.6, 0.5], setup=setup)
    yield made("joint_kd", seed=2, test=[0.7, 0.5], setup=setup, warnings=LATE if setup == "a" else [])


def test_only_strategies_with_such_a_trial_are_found_and_setups_add_up(made, setups_of):
    setups = setups_of(*_trials(made, "a"), *_trials(made, "b"))
    assert [(each.strategy, each.tasks, each.trials, each.of) for each in unfinished(setups)] == [
        ("joint_kd", ("t1",), 1, 4)
    ]
    assert unfinished(setups[1:]) == ()
    assert footnote(()) == ""


def test_their_gains_are_marked_and_a_line_below_the_table_says_why(made, setups_of):
    summary = summarise(setups_of(*_trials(made, "a"), *_trials(made, "b")))
    assert "†" not in gain_tables.gains(summary, "b")
    lines = gain_tables.gains(summary, "a").splitlines()
    assert [line.count("†") for line in lines[2:4]] == [0, 1]
    assert lines[3].count("not comparable (budget)") == 2
    assert lines[-1] == (
        "† in 1 of 2 trials the budget ended before every task had trained (`joint_kd`: t1 in 1 of 2): "
        "not comparable (budget)."
    )
    assert "in 1 of 4 trials" in gain_tables.gains(summary, ALL_SETUPS)


def test_a_warning_that_is_not_of_the_budget_marks_nothing(made, setups_of):
    other = [TrialWarning(kind="data", task="t1", text="the budget ended before t1 had trained and been evaluated")]
    assert unfinished(setups_of(made("sum", seed=1, test=[0.5, 0.5], warnings=other))) == ()


def test_a_trials_warning_stands_once_with_its_strategies_stages_and_seeds(made):
    said = [TrialWarning(kind="data", task="t1", text="t1: five labels are new")]
    trials = [made("sum", seed=seed, test=[0.5, 0.5], warnings=said) for seed in (1, 2)]
    trials += [
        made("stop", seed=2, test=[0.5], warnings=said),
        made("stop", seed=0, test=[0.5], warnings=said, stage="search"),
    ]
    plain = made("sum", seed=3, test=[0.5, 0.5])
    assert of_trials(_together(*trials, plain).table) == [
        "s: t1: five labels are new (replicate: `stop` seed 2, `sum` seeds 1, 2; search: `stop` seed 0)"
    ]


def test_unequal_searches_are_a_warning(made):
    trial = made("sum", seed=0, test=[0.5], stage="search")
    other = made("static", seed=0, test=[0.5], stage="search")
    more = made("static", seed=0, test=[0.5], stage="search", config_index=1)
    assert unequal_searches(history.trials(_together(trial, other).table)) == []
    assert unequal_searches(history.trials(_together(trial, other, more).table)) == [
        "s: not every strategy searched as many configurations: static 2, sum 1"
    ]


def test_missing_seeds_are_named(made, failed, setups_of):
    setups = setups_of(
        *(made("sum", seed=seed, test=[0.5]) for seed in (1, 2)),
        made("joint_kd", seed=1, test=[0.5]),
        failed(made("joint_kd", seed=2, test=[0.5]), "killed"),
    )
    assert missing_seeds(setups) == [
        "s: `joint_kd` has 1 of 2 seeds (without 2); it is compared only on the seeds that it shares with the reference"
    ]
