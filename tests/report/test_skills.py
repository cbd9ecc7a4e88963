import numpy as np
import pytest

from ray_mtlkd.report.skills import by_task, comparable, skill, skills, skills_across
from ray_mtlkd.tasks.metrics import skill as skill_of_one
from tests.columns import changed

LATE = [{"kind": "untrained", "task": "t0", "text": "the budget ended before t0 had trained"}]


def test_skill_is_that_of_the_checkpoint_rule(made, setups_of):
    records = made("sum", seed=1, test=[0.7, 1.0], signs=[1, -1])
    (setup,) = setups_of(records)
    runs = setup.runs[0]
    wanted = [
        skill_of_one(each.result.test, each.identity.trivial, each.identity.perfect)  # 0.7 and 0.75
        for each in records
    ]
    assert skill(runs.per_task["test"], runs)[0] == pytest.approx(wanted)
    assert skills(setup).test[0, 0, 0] == pytest.approx(100 * np.mean(wanted))


def test_a_task_with_nothing_to_learn_has_a_skill_all_the_same(made, setups_of):
    records = [changed(each, trivial=1.0) for each in made("sum", seed=1, test=[1.0, 0.9])]
    (setup,) = setups_of(records)
    assert skill(setup.runs[0].per_task["test"], setup.runs[0]).tolist() == [[1.0, 0.0]]


def test_tasks_count_by_their_weights(made, setups_of):
    weights = {"t0": 3.0, "t1": 1.0, "t2": 0.0}
    records = [changed(each, weight=weights[each.identity.task]) for each in made("sum", seed=1, test=[0.8, 0.4, 0.1])]
    (setup,) = setups_of(records)
    assert by_task(setup.runs[0])[0] == pytest.approx([60.0, 10.0, 0.0])
    assert skills(setup).test[0, 0, 0] == pytest.approx(70.0)


def test_what_the_budget_did_not_reach_is_not_compared(made, setups_of):
    (setup,) = setups_of(
        made("sum", seed=1, test=[0.5]),
        made("sequential", seed=1, test=[0.0], warnings=LATE),
        made("stop", seed=1, test=[float("nan")]),
    )
    assert [comparable(runs) for runs in setup.runs] == [True, False, False]
    assert skills(setup).strategies == ("sum",)


def test_seeds_and_configurations_have_their_places(made, setups_of):
    (setup,) = setups_of(
        made("sum", seed=1, test=[0.5]),
        made("sum", seed=2, test=[0.6]),
        made("stop", seed=2, test=[0.7], config_index=4),
        made("stop", seed=2, test=[0.8], config_index=1),
    )
    found = skills(setup)
    assert found.seeds == (("w", 1), ("w", 2))
    assert found.test[0] == pytest.approx(np.array([[50, np.nan], [60, np.nan]]), nan_ok=True)
    assert found.test[1] == pytest.approx(np.array([[np.nan, np.nan], [80, 70]]), nan_ok=True)
    assert found.configurations == ((("w", 0),), (("w", 1), ("w", 4)))


def test_a_seed_that_lacks_a_configuration_is_left_out_and_told(made, failed, setups_of):
    (setup,) = setups_of(
        *(made("sum", seed=seed, test=[0.5], config_index=index) for seed in (1, 2) for index in (0, 3)),
        failed(made("stop", seed=1, test=[0.5], config_index=0), "loss is NaN"),
        *(made("stop", seed=seed, test=[0.5], config_index=index) for seed, index in ((1, 3), (2, 0), (2, 3))),
    )
    stop = setup.of("stop")
    assert stop.keys == (("w", 2), ("w", 2))
    assert stop.missing == (("w", 1),)


def test_the_choice_for_a_seed_does_not_see_it(made, setups_of):
    (setup,) = setups_of(
        *(made("sum", seed=seed, valid=[valid], test=[0.5]) for seed, valid in ((1, 0.9), (2, 0.5), (3, 0.5))),
        *(made("stop", seed=seed, valid=[valid], test=[0.5]) for seed, valid in ((1, 0.1), (2, 0.6), (3, 0.6))),
    )
    found = skills(setup)
    assert found.chosen(["sum", "stop"]) == "sum"
    assert [found.chosen_without(at, ["sum", "stop"]) for at in range(3)] == ["stop", "sum", "sum"]


def test_equals_go_to_the_first(made, setups_of):
    (setup,) = setups_of(*(made(name, seed=1, test=[0.5]) for name in ("sum", "stop")))
    found = skills(setup)
    assert found.chosen(["sum", "stop"]) == "sum"
    assert found.chosen(["stop", "sum"]) == "stop"
    assert found.chosen(["unknown"]) is None


def test_over_setups_seeds_of_all_of_them_count_and_sweeps_are_averaged(made, setups_of):
    first, second = setups_of(
        made("sum", seed=1, test=[0.2], setup="a", sweep="v"),
        made("sum", seed=1, test=[0.4], setup="a", sweep="w"),
        made("sum", seed=2, test=[0.9], setup="a", sweep="w"),
        made("sum", seed=1, test=[0.7], setup="b", sweep="w"),
        made("stop", seed=1, test=[0.7], setup="b", sweep="w"),
    )
    found = skills_across([skills(first), skills(second)])
    assert found.strategies == ("sum",)
    assert found.seeds == (("", 1),)
    assert found.test.ravel() == pytest.approx([50.0])  # 0.3 and 0.7
