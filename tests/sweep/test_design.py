import math

import numpy as np
import pytest

from ray_mtlkd.sweep import domains
from ray_mtlkd.sweep.design import Design
from ray_mtlkd.sweep.space import decode_space, read_space

SHARED = {"training": {"lr": {"loguniform": [1e-3, 1e-1]}}, "kd": {"temperature": {"choice": [1, 2, 4]}}}
OWN = {"strategy": {"rewind": {"choice": [False, True]}}}


def _design(shared=SHARED, own=OWN, *, seed=0):
    return Design(seed=seed, shared=dict(domains.find(shared, "")), own=dict(domains.find(own, "")))


def _values(design, count):
    return [design.values(index, tasks=3) for index in range(count)]


def _log_places(values):
    """Where learning rates lie in their range, in [0, 1]."""
    return np.array([math.log10(each["training.lr"] / 1e-3) / 2 for each in values])


def test_the_same_seed_gives_the_same_points_and_another_one_others():
    assert _values(_design(), 4) == _values(_design(), 4)
    assert _values(_design(), 4) != _values(_design(seed=1), 4)
    assert _values(_design(seed=-1), 4)


def test_shared_settings_take_the_same_values_whatever_a_strategy_has_of_its_own():
    own = [{}, OWN, {"strategy": {"weights": {"simplex": 1.0}}, "a": {"uniform": [0, 1]}}]
    drawn = [_values(_design(own=each), 6) for each in own]
    shared = [[{key: each[key] for key in ("training.lr", "kd.temperature")} for each in values] for values in drawn]
    assert shared[0] == shared[1] == shared[2]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("count", [2, 4, 8, 16])
def test_every_part_of_a_range_is_tried(seed, count):
    places = _log_places(_values(_design(seed=seed), count))
    assert sorted(int(place * count) for place in places) == list(range(count))


@pytest.mark.parametrize("seed", range(20))
def test_a_choice_takes_its_values_in_turn(seed):
    temperatures = [each["kd.temperature"] for each in _values(_design(seed=seed), 9)]
    assert {temperatures.count(one) for one in (1, 2, 4)} == {3}


@pytest.mark.parametrize("seed", range(20))
def test_a_strategys_own_settings_meet_all_values_of_the_shared_ones(seed):
    values = _values(_design(seed=seed), 16)
    pairs = {(each["kd.temperature"], each["strategy.rewind"]) for each in values}
    halves = {(bool(at > 0.5), each["strategy.rewind"]) for at, each in zip(_log_places(values), values, strict=True)}
    assert len(pairs) == 6
    assert len(halves) == 4


@pytest.mark.parametrize("seed", range(5))
def test_many_settings_are_not_tried_in_step(seed):
    shared = {name: {"uniform": [0, 1]} for name in "abcde"}
    found = np.array([list(each.values()) for each in _values(_design(shared, OWN | {"f": {"choice": [0, 1]}}), 16)])
    # of 16 independent points it would be above .62 with a probability of 1 %
    assert np.abs(np.corrcoef(found[:, :5].T.astype(float)) - np.eye(5)).max() < 0.62


def test_grids_run_through_their_product_and_shared_ones_are_alike_for_all_strategies():
    shared = {"a": {"grid": [1, 2, 3]}, "lr": {"uniform": [0, 1]}}
    with_own = _values(_design(shared, {"b": {"grid": ["x", "y"]}}), 12)
    assert _design(shared, {"b": {"grid": ["x", "y"]}}).grid_size == 6
    for start in (0, 6):
        assert len({(each["a"], each["b"]) for each in with_own[start : start + 6]}) == 6
    assert [each["a"] for each in with_own] == [each["a"] for each in _values(_design(shared, {}), 12)]


def test_grids_are_not_in_step_with_ranges():
    values = _values(_design({"a": {"grid": [1, 2]}, "lr": {"uniform": [0, 1]}}, {}), 16)
    assert len({(each["a"], each["lr"] > 0.5) for each in values}) == 4


def test_a_space_without_domains_has_one_point():
    assert _values(_design({}, {}), 2) == [{}, {}]
    assert _design({}, {}).grid_size == 1


def test_a_strategy_with_an_architecture_of_its_own_shares_what_is_left(space_value):
    value = space_value(
        encoder={"name": "mlp", "dropout": {"uniform": [0.0, 0.5]}},
        strategies=["sum", {"name": "sum", "encoder": {"name": "mlp", "dropout": {"choice": [0.0, 0.1]}}}],
    )
    plain, own = (each.design for each in decode_space(value, where="x").strategies)
    assert [plain.values(at, tasks=5)["training.lr"] for at in range(4)] == [
        own.values(at, tasks=5)["training.lr"] for at in range(4)
    ]
    assert {own.values(at, tasks=5)["encoder.dropout"] for at in range(9)} == {0.0, 0.1}


def test_the_quickstart_tries_low_and_high_learning_rates_and_rewinds_at_several_temperatures():
    space = read_space("search_spaces/quickstart.yaml")
    kd = next(each.design for each in space.strategies if each.label == "joint_kd")
    values = [kd.values(at, tasks=5) for at in range(8)]
    places = [math.log(each["training.lr"] / 2e-3) / math.log(5) for each in values]
    assert min(places) < 0.25
    assert max(places) > 0.75
    assert len({each["kd.temperature"] for each in values if each["strategy.curriculum.rewind"]}) > 1
