import pytest

from ray_mtlkd.sweep.halving import FAILED, Found
from ray_mtlkd.sweep.plan import Plan
from ray_mtlkd.sweep.space import decode_space
from ray_mtlkd.sweep.tpe import round_of, standing_by_rounds, suggest
from tests.sweep.test_searcher import Tuner


def test_the_first_eight_know_of_no_scores_and_then_four_at_a_time_of_all_before():
    assert [round_of(index) for index in (0, 7, 8, 11, 12)] == [
        range(8),
        range(8),
        range(8, 12),
        range(8, 12),
        range(12, 16),
    ]


def test_a_round_waits_for_the_one_before():
    found = {(index, 0): Found(score=0.5) for index in range(7)}
    assert standing_by_rounds(found, configurations=10, seeds=(0,)).missing == ((7, 0),)
    found[7, 0] = FAILED
    assert standing_by_rounds(found, configurations=10, seeds=(0,)).missing == ((8, 0), (9, 0))
    assert standing_by_rounds(found | {(8, 0): FAILED, (9, 0): FAILED}, configurations=10, seeds=(0,)).is_over


PLACES = [((index + 0.5) / 8, (index * 3 % 8 + 0.5) / 8) for index in range(8)]


def test_suggestions_are_where_scores_were_high_however_many_are_wanted():
    scores = [[-abs(place[0] - 0.8)] for place in PLACES]
    near = [abs(place[0] - 0.8) < 0.2 for seed in range(8) for place in suggest(PLACES, scores, count=4, seed=seed)]
    assert sum(near) > 20  # of 32 independent ones 13 would be, and more than 20 with a probability of 0.3 %
    found = suggest(PLACES, scores, count=4, seed=0)
    assert suggest(PLACES, scores, count=2, seed=0) == found[:2]
    assert all(0 <= axis < 1 for place in found for axis in place)
    assert suggest(PLACES, [*scores[:7], [None]], count=2, seed=0)


@pytest.fixture
def plan(space_value):
    search = {"configurations": 14, "sampler": "tpe"}
    return Plan(decode_space(space_value(strategies=["joint_kd"], search=search), where="x"), {"similar": 5})


def _score(trial):
    return 1.0 - trial.configuration.training.lr


def _drained(tuner, most=100):
    """The learning rate of each trial that runs."""
    rates = {}
    while len(rates) < most and isinstance(started := tuner.start(), tuple):
        rates[started[1].name] = started[1].configuration.training.lr
        tuner.end(started, _score(started[1]))
    return rates


def test_a_search_tries_as_many_configurations_and_replicates_the_best(plan):
    rates = _drained(Tuner(plan))
    searched = {name: rate for name, rate in rates.items() if name.endswith("-s0")}
    assert len(searched) == len(set(searched.values())) == 14
    best = min(searched, key=searched.get)
    assert {name for name in rates if not name.endswith("-s0")} == {best.replace("-s0", f"-s{seed}") for seed in (1, 2)}
    assert [rates[f"similar-joint_kd-c{index}-s0"] for index in range(8)] == [
        trial.configuration.training.lr for trial in plan.search(plan.groups[0])
    ]


@pytest.mark.parametrize("count", [0, 5, 8, 10, 13, 15])
def test_a_search_goes_on_from_its_records_with_the_same_configurations(space_value, plan, count):
    whole = _drained(Tuner(plan))
    space = decode_space(
        space_value(strategies=["joint_kd"], search={"configurations": 14, "sampler": "tpe"}), where="x"
    )
    first = _drained(Tuner(Plan(space, {"similar": 5})), most=count)
    rest = _drained(Tuner(Plan(space, {"similar": 5}), {name: 1.0 - rate for name, rate in first.items()}))
    assert first | rest == whole
    assert not first.keys() & rest.keys()


def test_more_configurations_leave_the_first_as_they_are(space_value):
    rates = []
    for configurations in (9, 14):
        search = {"configurations": configurations, "sampler": "tpe"}
        space = decode_space(space_value(strategies=["joint_kd"], search=search), where="x")
        rates.append(_drained(Tuner(Plan(space, {"similar": 5}))))
    assert {name: rates[1][name] for name in rates[0] if name.endswith("-s0")} == {
        name: rate for name, rate in rates[0].items() if name.endswith("-s0")
    }


def test_strategies_without_anything_to_set_run_all_the_same(space_value):
    value = space_value(strategies=["sum"], training={"steps": 40}, search={"configurations": 9, "sampler": "tpe"})
    assert len(_drained(Tuner(Plan(decode_space(value, where="x"), {"similar": 5})))) == 9 + 2
