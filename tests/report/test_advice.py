import pytest

from ray_mtlkd.records import TrialWarning
from ray_mtlkd.report.advice import advise
from ray_mtlkd.report.classical import Classical
from ray_mtlkd.report.summary import summarise


@pytest.fixture
def advice(made, failed, setups_of):
    """Advice on one setup of one task, from each strategy's validation score and gains over 0.5 by seed."""

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


def test_a_strategy_shown_to_beat_the_best_baseline_is_shipped(advice):
    found = advice({"sum": (0.5, 0, 0, 0), "static": (0.6, 2, 2, 2), "joint_kd": (0.7, 8, 9, 10)})
    assert (found.chosen, found.ship) == ("joint_kd", "joint_kd")
    assert found.said.startswith("**Ship `joint_kd`.** `joint_kd` has the best mean validation score of 3 multitask ")
    assert "On test it is better than the best baseline (`static`): +6.86 [" in found.said


def test_the_model_of_what_each_setup_ships_is_told_once(made, setups_of):
    trials = []
    for name in ("a", "b"):
        trials += [made("sum", seed=seed, valid=[0.5], test=[0.5], setup=name) for seed in range(3)]
    trials += [made("stop", seed=seed, valid=[0.6], test=[0.6 + seed / 100], setup="a") for seed in range(3)]
    trials += [made("stop", seed=seed, valid=[0.3], test=[0.4], setup="b") for seed in range(3)]
    found = setups_of(*trials)
    folders = {
        ("w", trial): f"runs/w/models/{trial}" for setup in found for runs in setup.runs for trial in runs.trials
    }
    head, models, _, items = advise(found, summarise(found), Classical(), folders).said.split("\n\n")
    assert head.startswith("**Ship `sum`.**")
    assert models.startswith("Its models with the best validation score: `runs/w/models/w-a-sum-replicate-0-0` (a), ")
    in_items = [item.partition("Its model with the best validation score: ")[2] for item in items.splitlines()]
    assert in_items == ["`runs/w/models/w-a-stop-replicate-0-0`.", ""]


def test_it_is_chosen_on_validation_even_where_another_is_better_on_test(advice):
    found = advice({"sum": (0.5, 0, 0, 0), "joint_kd": (0.7, 8, 9, 10), "sequential_kd": (0.6, 20, 20, 20)})
    assert found.chosen == "joint_kd"


def test_where_no_difference_is_shown_sum_is_shipped(advice):
    found = advice({"sum": (0.5, 0, 0, 0), "static": (0.6, 1, -1, 0.5), "joint_kd": (0.7, 8, -9, 10)})
    assert (found.chosen, found.ship) == ("joint_kd", "sum")
    assert "On test, the best baseline (`static`) is not shown to be worse than `joint_kd` (`joint_kd` over it: +" in (
        found.said
    )
    assert "On test, `sum` is not shown to be worse than `joint_kd` (`joint_kd` over `sum`: +3.00 [" in found.said
    assert " nor than `static` (`static` over `sum`: +0.17 [" in found.said
    assert "So `sum` is the simplest strategy that is not shown to be worse than `joint_kd`." in found.said


def test_a_baseline_shown_to_beat_sum_is_shipped_where_the_chosen_one_is_not_better(advice):
    found = advice({"sum": (0.5, 0, 0, 0), "static": (0.6, 5, 5.1, 5.2), "joint_kd": (0.7, 8, 1, 6)})
    assert (found.chosen, found.ship) == ("joint_kd", "static")
    assert "`sum` would be simpler, but is shown to be worse than `static` (`static` over `sum`: +5.10 [" in found.said
    assert "So `static` is the simplest strategy that is not shown to be worse than `joint_kd`." in found.said
    assert found.said.count("`static` over `sum`") == 1


def test_a_chosen_strategy_that_is_worse_on_test_is_not_shipped(advice):
    found = advice({"sum": (0.5, 0, 0, 0), "joint_kd": (0.7, -8, -9, -8)})
    assert found.ship == "sum"
    assert "On test it is worse than the best baseline (`sum`): -8.33 [" in found.said


def test_a_baseline_that_is_best_itself_is_compared_with_sum(advice):
    assert advice({"sum": (0.5, 0, 0, 0), "static": (0.6, 5, 5.1, 5.2)}).ship == "static"
    found = advice({"sum": (0.5, 0, 0, 0), "static": (0.6, 5, -5, 5)})
    assert found.ship == "sum"
    assert "It is itself the best baseline. On test, `sum` is not shown to be worse than `static` (" in found.said


def test_one_seed_shows_nothing(advice):
    found = advice({"sum": (0.5, 0), "joint_kd": (0.7, 50)})
    assert found.ship == "sum"
    assert found.said.startswith("**Too little evidence: one seed, no interval.** **Ship `sum`.**")
    assert "+50.00 %; there is no interval: run more seeds)." in found.said


def test_single_task_better_than_everything_means_that_multitask_does_not_pay(advice):
    found = advice({"sum": (0.5, 0, 0, 0), "joint_kd": (0.7, 8, 9, 10), "single_task": (0.9, 40, 41, 42)})
    assert (found.chosen, found.ship) == ("joint_kd", "single_task")
    assert found.said.startswith("**Train one model a task (`single_task`): multitask training does not pay here.**")


def test_single_task_better_without_a_shown_difference_is_only_said(advice):
    found = advice({"sum": (0.5, 0, 0, 0), "joint_kd": (0.7, 8, 9, 10), "single_task": (0.9, 5, 41, -2)})
    assert found.ship == "joint_kd"
    assert found.said.split("\n\n")[0].endswith("no difference shown.")


def test_single_task_is_never_chosen_itself(advice):
    assert advice({"sum": (0.5, 0, 0), "single_task": (0.9, 1, -1)}).chosen == "sum"


def test_over_several_setups_the_best_baselines_are_named(advice):
    found = advice({"sum": (0.5, 0, 0, 0), "joint_kd": (0.7, 8, 9, 10)}, setups=("a", "b"))
    assert "over 3 seeds and 2 setups: 0.7000." in found.said
    assert "(`sum`): +9.00 [" in found.said


def test_over_several_setups_the_same_rule_speaks_on_each(made, setups_of):
    trials = []
    for seed in range(3):
        trials += [made("sum", seed=seed, valid=[0.5], test=[0.5], setup=name) for name in ("a", "b")]
        trials += [made("stop", seed=seed, valid=[0.6], test=[0.6 + seed / 100], setup="a")]
        trials += [made("stop", seed=seed, valid=[0.4], test=[0.4], setup="b")]
    found = setups_of(*trials)
    head, title, items = advise(found, summarise(found), Classical(), {}).said.split("\n\n")
    assert head.startswith("**Ship `sum`.** `sum` has the best")
    assert title == "Per setup:"
    assert [item.split(". ")[0] for item in items.splitlines()] == ["- a: ship `stop`", "- b: ship `sum`"]
    assert "On test it is better than the best baseline (`sum`): +22.00 [" in items.splitlines()[0]


def test_a_chosen_strategy_that_did_not_train_every_task_is_told(made, setups_of):
    late = [TrialWarning(kind="untrained", task="t0", text="the budget ended before t0 had trained")]
    found = setups_of(
        *(made("sum", seed=seed, valid=[0.5], test=[0.5]) for seed in (1, 2)),
        made("sequential", seed=1, valid=[0.7], test=[0.5], warnings=late),
        made("sequential", seed=2, valid=[0.7], test=[0.5]),
    )
    said = advise(found, summarise(found), Classical(), {}).said
    assert "In 1 of its 2 trials the budget ended before t0 had trained." in said


def test_a_strategy_missing_in_a_setup_is_left_out_and_named(made, failed, setups_of):
    trials = [made("sum", seed=1, test=[0.5], setup=name) for name in ("a", "b")]
    trials += [made("joint_kd", seed=1, test=[0.9], setup="a")]
    trials += [failed(made("joint_kd", seed=1, test=[0.9], setup="b"), "loss is NaN")]
    found = setups_of(*trials)
    advice = advise(found, summarise(found), Classical(), {})
    assert advice.ship == "sum"
    assert "(left out, without a finished trial in some setup: `joint_kd`)" in advice.said


def test_without_a_finished_trial_there_is_nothing_to_ship(made, failed, setups_of):
    found = setups_of(failed(made("sum", seed=1, test=[0.5]), "loss is NaN"))
    advice = advise(found, summarise(found), Classical(), {})
    assert (advice.chosen, advice.ship) == (None, None)
    assert advice.said.startswith("**Nothing to ship yet.**")


def test_without_a_baseline_the_chosen_strategy_stays(advice):
    found = advice({"joint_kd": (0.7, 8, 9), "stop": (0.6, 8, 9)})
    assert found.ship == "joint_kd"
    assert "Its test gain over the best baseline is missing." in found.said
