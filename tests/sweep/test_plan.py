import json

import pytest

from ray_mtlkd.sweep.plan import Plan, Trial, best_indices
from ray_mtlkd.sweep.space import decode_space
from ray_mtlkd.training.configuration import ConfigurationReader, describe, flat


@pytest.fixture
def plan(space_value):
    return Plan(decode_space(space_value(setups=["similar", "diverse"]), where="x"), {"similar": 5, "diverse": 5})


def test_every_group_gets_the_same_number_of_trials(plan):
    assert len(plan.groups) == 4
    assert {len(plan.search(group)) for group in plan.groups} == {2}
    assert {len(plan.replicates(group, 0)) for group in plan.groups} == {2}
    assert plan.size == 4 * (2 + 2)


def test_names_are_unique_over_the_whole_sweep(plan):
    trials = [trial for group in plan.groups for trial in (*plan.search(group), *plan.replicates(group, 1))]
    assert len({trial.name for trial in trials}) == len(trials)


def test_configurations_are_paired_across_strategies_and_differ_from_each_other(plan):
    rates = {
        (group, trial.index): trial.configuration.training.lr for group in plan.groups for trial in plan.search(group)
    }
    assert len(set(rates.values())) == 2


def test_a_replicate_runs_the_chosen_configuration_on_fresh_seeds(plan):
    group = plan.groups[0]
    chosen = plan.search(group)[1]
    replicates = plan.replicates(group, 1)
    assert {trial.configuration for trial in replicates} == {chosen.configuration}
    assert [trial.seed for trial in replicates] == [1, 2]
    assert chosen.seed == 0


def test_one_configuration_needs_no_search(space_value):
    space = decode_space(space_value(search={"configurations": 1}), where="x")
    plan = Plan(space, {"similar": 5})
    assert plan.search(plan.groups[0]) == []
    assert plan.size == 2 * 2


def test_a_trial_goes_through_json(plan):
    trial = plan.search(plan.groups[0])[0]
    assert Trial.loads(trial.dumps()) == trial
    assert Trial.loads(trial.dumps()).configuration == trial.configuration


def test_each_configuration_is_searched_on_all_seeds_of_the_search(space_value):
    space = decode_space(space_value(search={"configurations": 3, "seeds": [0, 10]}), where="x")
    plan = Plan(space, {"similar": 5})
    trials = plan.search(plan.groups[0])
    assert [(trial.index, trial.seed) for trial in trials] == [(at, seed) for at in range(3) for seed in (0, 10)]
    assert plan.search_size == len(trials)


def test_where_all_configurations_are_replicated_none_is_searched(space_value):
    space = decode_space(space_value(replicate={"configurations": 2, "seeds": [1, 2]}), where="x")
    plan = Plan(space, {"similar": 5})
    assert plan.search(plan.groups[0]) == []
    assert plan.chosen == 2
    assert plan.size == 2 * 2 * 2
    assert {trial.index for trial in plan.distinct()} == {0, 1}


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({0: [0.1], 1: [0.3], 2: [0.2]}, [1, 2]),
        ({0: [0.3], 1: [0.3], 2: [0.3]}, [0, 1]),
        ({2: [0.3], 1: [0.3], 0: [0.3]}, [0, 1]),
        ({0: [None], 1: [-0.5], 2: [None]}, [1]),
        ({0: [None], 1: [None]}, []),
        ({0: [0.9, 0.1], 1: [0.6, 0.6], 2: [0.7, None]}, [1, 0]),
    ],
)
def test_the_best_mean_validation_scores_win_and_failures_never_do(scores, expected):
    assert best_indices(scores, most=2) == expected


def test_hyper_parameters_are_flat_and_name_their_defaults(plan):
    values = flat(plan.search(plan.groups[1])[0].configuration)
    assert values["curriculum.name"] == "joint_kd"
    assert values["curriculum.rewind"] is False
    assert values["training.batch_size"] == 32
    assert values["encoder.hidden"] == "16"


def test_a_distinct_configuration_is_decoded_once_however_often_its_trials_are_asked_for(plan, monkeypatch):
    read, decoded = ConfigurationReader.read, []
    monkeypatch.setattr(ConfigurationReader, "read", lambda *given: decoded.append(1) or read(*given))
    for _ in range(2):
        trials = [*plan.distinct(), *(trial for group in plan.groups for trial in plan.replicates(group, 1))]
        assert all(trial.dumps() for trial in trials)
    configurations = {json.dumps(describe(trial.configuration)) for trial in trials}
    assert len(decoded) == len(configurations) == 4  # of two strategies; both setups have five tasks
