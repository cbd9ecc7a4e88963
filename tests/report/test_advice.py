import pytest

from ray_mtlkd.records import TrialWarning
from ray_mtlkd.report.advice import advise
from ray_mtlkd.report.classical import Classical
from ray_mtlkd.report.summary import summarise


@pytest.fixture
def advice(made, failed, setups_of):
    """Advice on one setup of one task, from each strategy's skill on validation and gains over 0.5 by seed."""

    def ask(strategies, setups=("s",)):
        trials = [
            made(name, seed=seed, valid=[score], test=[0.5 * (1 + percent / 100)], setup=setup)
            for setup in setups
            for name, (score, *percents) in strategies.items()
            for seed, percent in enumerate(percents)
        ]
        found = setups_of(*trials)
        return advise(found, summarise(found), Classical(), {})

    return ask


def test_the_only_one_that_may_be_the_best_is_shipped(advice):
    found = advice({"sum": (0.5, 0, 0, 0), "static": (0.6, 2, 2, 2), "joint_kd": (0.7, 8, 9, 10)})
    assert (found.chosen, found.ship) == ("joint_kd", "joint_kd")
    assert found.said.startswith(
        "**Ship `joint_kd`.** `joint_kd` has the best mean skill on validation of 3 multitask strategies over 3 seeds: "
        "70.00 points. Chosen on the other seeds and judged on the one left out (`joint_kd` on 3), it gains +4.50 "
        "points over `sum` on test."
    )
    assert "`joint_kd` over `sum`: +4.50 [" in found.said


def test_a_sweep_of_one_strategy_claims_nothing(advice):
    found = advice({"sum": (0.5, 0, 0, 1), "single_task": (0.5, 1, 0, 0)})
    assert found.said.startswith("**Nothing is claimed: `sum` is the only multitask strategy")
    assert "the best" not in found.said


def test_the_model_of_what_each_setup_ships_is_told_once(made, setups_of):
    trials = []
    for name in ("a", "b"):
        trials += [made("sum", seed=seed, valid=[0.5], test=[0.5], setup=name) for seed in range(3)]
    trials += [made("stop", seed=seed, valid=[0.6], test=[0.6 + seed / 1000], setup="a") for seed in range(3)]
    trials += [made("stop", seed=seed, valid=[0.3], test=[0.2], setup="b") for seed in range(3)]
    found = setups_of(*trials)
    folders = {
        ("w", trial): f"runs/w/models/{trial}" for setup in found for runs in setup.runs for trial in runs.trials
    }
    head, models, _, items = advise(found, summarise(found), Classical(), folders).said.split("\n\n")
    assert head.startswith("**Ship `sum`.**")
    assert models.startswith("Its models with the best validation score: `runs/w/models/w-a-sum-replicate-0-0` (a), ")
    in_items = [item.partition("Its model with the best validation score: ")[2] for item in items.splitlines()]
    assert in_items == ["`runs/w/models/w-a-stop-replicate-0-0`.", ""]


def test_the_simplest_is_shipped_where_it_is_shown_to_be_as_good(advice):
    found = advice({"sum": (0.5, 0, 0.1, 0), "static": (0.6, 0.1, 0, 0.1), "joint_kd": (0.7, 0, 0.1, 0.1)})
    assert (found.chosen, found.ship) == ("joint_kd", "sum")
    assert "`sum` is the simplest of them, and shown to be at most 0.5 points below the others." in found.said


def test_where_nothing_can_be_told_more_seeds_are_asked_for(advice):
    found = advice({"sum": (0.5, 0, 0, 0), "joint_kd": (0.7, 8, -1, 10)})
    assert (found.chosen, found.ship, found.simplest) == ("joint_kd", None, "sum")
    assert found.said.startswith("**Not told yet: run ")
    assert "Until then `joint_kd` is most likely the best, `sum` the simplest." in found.said
    assert (
        "`sum` is the simplest of them, but not shown to be at most 0.5 points below `joint_kd` (-2.83 [" in found.said
    )


def test_a_chosen_strategy_that_is_worse_on_test_is_not_shipped(advice):
    found = advice({"sum": (0.5, 0, 0, 0), "joint_kd": (0.7, -8, -9, -8)})
    assert (found.chosen, found.ship) == ("joint_kd", "sum")
    assert "it gains -4.17 points over `sum` on test." in found.said


def test_one_seed_shows_nothing(advice):
    found = advice({"sum": (0.5, 0), "joint_kd": (0.7, 50)})
    assert found.ship is None
    assert found.said.startswith("**Not told yet: run 2 more seeds.**")


def test_single_task_better_than_everything_means_that_multitask_does_not_pay(advice):
    found = advice({"sum": (0.5, 0, 0, 0), "joint_kd": (0.7, 8, 9, 10), "single_task": (0.9, 40, 41, 42)})
    assert (found.chosen, found.ship) == ("joint_kd", "single_task")
    assert found.said.startswith("**Train one model a task (`single_task`): multitask training does not pay here.**")


def test_single_task_better_without_a_shown_difference_is_only_said(advice):
    found = advice({"sum": (0.5, 0, 0, 0), "joint_kd": (0.7, 8, 8, 8), "single_task": (0.9, 9, 8, 9)})
    assert found.ship == "joint_kd"
    assert "`joint_kd` over one model a task: -0.33 [" in found.said.split("\n\n")[0]


def test_over_several_setups_the_same_rule_speaks_on_each(made, setups_of):
    trials = []
    for seed in range(3):
        trials += [made("sum", seed=seed, valid=[0.5], test=[0.5], setup=name) for name in ("a", "b")]
        trials += [made("stop", seed=seed, valid=[0.6], test=[0.6 + seed / 1000], setup="a")]
        trials += [made("stop", seed=seed, valid=[0.4], test=[0.2], setup="b")]
    found = setups_of(*trials)
    head, title, items = advise(found, summarise(found), Classical(), {}).said.split("\n\n")[-3:]
    assert head.startswith(
        "**Ship `sum`.** `sum` has the best mean skill on validation of 2 multitask strategies over "
    )
    assert "3 seeds and 2 setups: 50.00 points." in head
    assert title == "Per setup:"
    assert [item.split(". ")[0] for item in items.splitlines()] == ["- a: ship `stop`", "- b: ship `sum`"]


def test_a_strategy_that_did_not_train_every_task_is_told_and_not_compared(made, setups_of):
    late = [TrialWarning(kind="untrained", task="t0", text="the budget ended before t0 had trained")]
    found = setups_of(
        *(made("sum", seed=seed, valid=[0.5], test=[0.5]) for seed in (1, 2)),
        made("sequential", seed=1, valid=[0.7], test=[0.5], warnings=late),
        made("sequential", seed=2, valid=[0.7], test=[0.5]),
    )
    said = advise(found, summarise(found), Classical(), {}).said
    assert "Not among them: `sequential` (not comparable, since the budget ended before all tasks had trained)." in said


def test_a_strategy_missing_in_a_setup_is_left_out_and_named(made, failed, setups_of):
    trials = [made("sum", seed=1, test=[0.5], setup=name) for name in ("a", "b")]
    trials += [made("joint_kd", seed=1, test=[0.9], setup="a")]
    trials += [failed(made("joint_kd", seed=1, test=[0.9], setup="b"), "loss is NaN")]
    found = setups_of(*trials)
    advice = advise(found, summarise(found), Classical(), {})
    assert advice.ship == "sum"
    assert "Not among them: `joint_kd` (left out, without a finished trial in some setup)." in advice.said


def test_a_task_that_decides_alone_is_named_and_its_share_of_the_gain(made, setups_of):
    levels = {"sum": (10, 60, 60), "static": (50, 59, 59)}
    found = setups_of(
        *(
            made(name, seed=seed, test=[(level + (seed % 2) / 10) / 100 for level in values])
            for name, values in levels.items()
            for seed in range(4)
        )
    )
    said = advise(found, summarise(found), Classical(), {}).said
    assert said.startswith("**Ship `static`.**")
    assert "**Not robust**: without `t0` `sum` would be shipped." in said
    assert ", t0 alone +1" in said


def test_without_a_finished_trial_there_is_nothing_to_ship(made, failed, setups_of):
    found = setups_of(failed(made("sum", seed=1, test=[0.5]), "loss is NaN"))
    advice = advise(found, summarise(found), Classical(), {})
    assert (advice.chosen, advice.ship) == (None, None)
    assert advice.said.startswith("**Nothing to ship yet.**")


def test_without_a_baseline_the_chosen_strategy_stays(advice):
    found = advice({"joint_kd": (0.7, 8, 9, 8), "stop": (0.6, 1, 2, 1)})
    assert found.ship == "joint_kd"
    assert "over `sum` on test" not in found.said
