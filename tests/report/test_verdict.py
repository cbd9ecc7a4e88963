import numpy as np
import pytest

from ray_mtlkd.report.section import section
from ray_mtlkd.report.verdict import FEWEST_SEEDS, decide, fragile, more_seeds, seeds_would_tell


@pytest.fixture
def judge(made, setups_of):
    """The section and verdict on one setup, from each strategy's test skill in points, seed by seed."""

    def ask(strategies, *, valid=None):
        trials = [
            made(name, seed=seed, test=[points / 100], valid=[(valid or {}).get(name, points) / 100])
            for name, values in strategies.items()
            for seed, points in enumerate(values)
        ]
        found = section(setups_of(*trials), margin=0.5)
        return found, decide(found)

    return ask


SUM = (50.0, 50.1, 49.9, 50.0)
SAME = (50.1, 50.0, 50.0, 49.9)
FAR = (54.0, 54.1, 53.9, 54.1)
WILD = (55.0, 48.0, 53.0, 46.0)


def test_the_only_one_that_may_be_the_best_is_shipped(judge):
    _, verdict = judge({"sum": SUM, "joint_kd": FAR})
    assert (verdict.ship, verdict.contenders, verdict.open) == ("joint_kd", ("joint_kd",), ())


def test_the_simplest_is_shipped_where_it_is_shown_to_be_as_good(judge):
    _, verdict = judge({"sum": SUM, "joint_kd": SAME}, valid={"joint_kd": 90.0})
    assert (verdict.chosen, verdict.ship, verdict.contenders) == ("joint_kd", "sum", ("sum", "joint_kd"))


def test_nothing_is_shipped_where_nothing_can_be_told(judge):
    found, verdict = judge({"sum": SUM, "joint_kd": WILD})
    assert (verdict.ship, verdict.simplest, verdict.open) == (None, "sum", ("joint_kd",))
    assert more_seeds(found, verdict) is None or more_seeds(found, verdict) > 10


def test_seeds_that_would_tell_are_counted(judge):
    found, verdict = judge({"sum": SUM, "joint_kd": (50.6, 50.2, 50.9, 50.3)})
    more = more_seeds(found, verdict)
    assert verdict.ship is None
    assert 1 <= more < 30


@pytest.mark.parametrize(("squared_points", "told"), [(0.0, True), (1e-18, True), (1.0, False)])
def test_seeds_would_tell_unless_test_rows_alone_leave_it_open(made, setups_of, squared_points, told):
    trials = [
        made(name, seed=seed, test=[points / 100])
        for name, values in {"sum": SUM, "joint_kd": (54.0, 46.0, 53.9, 46.1)}.items()
        for seed, points in enumerate(values)
    ]
    noise = squared_points * (1 - np.eye(2))
    found = section(setups_of(*trials), margin=0.5, rows=lambda *_: noise)
    verdict = decide(found)
    assert more_seeds(found, verdict) is None
    assert seeds_would_tell(found, verdict) is told


def test_one_seed_tells_nothing_and_a_few_more_are_asked_for(judge):
    found, verdict = judge({"sum": (50.0,), "joint_kd": (90.0,)})
    assert verdict.ship is None
    assert more_seeds(found, verdict) == FEWEST_SEEDS - 1


def test_baselines_are_simpler_than_controls_and_these_than_what_distils(judge):
    _, verdict = judge(
        {"joint_kd": SAME, "stop": SAME, "pcgrad": SAME, "static": SAME}, valid={"static": 51, "pcgrad": 50}
    )
    assert verdict.contenders == ("static", "pcgrad", "stop", "joint_kd")


def test_one_model_a_task_is_shipped_where_it_is_better_than_all_that_may_be(judge):
    assert judge({"sum": SUM, "joint_kd": SAME, "single_task": FAR})[1].ship == "single_task"
    assert judge({"sum": SUM, "joint_kd": SAME, "single_task": WILD})[1].ship == "sum"


def test_the_weaker_of_two_that_train_one_model_a_task_hides_nothing(judge):
    singles = {"single_task a": SAME, "single_task b": FAR}
    for valid in ({}, {"single_task a": 90.0}):
        assert judge({"sum": SUM, **singles}, valid=valid)[1].ship == "single_task b"


def test_one_model_a_task_is_never_chosen_itself(judge):
    _, verdict = judge({"sum": SUM, "single_task": FAR})
    assert (verdict.chosen, verdict.contenders) == ("sum", ("sum",))


def test_each_seed_judges_the_choice_of_the_others(made, setups_of):
    valid = {"sum": (90, 50, 50), "stop": (10, 60, 60)}
    test = {"sum": (50, 50, 50), "stop": (53, 56, 59)}
    trials = [
        made(name, seed=seed, test=[test[name][seed] / 100], valid=[valid[name][seed] / 100])
        for name in test
        for seed in range(3)
    ]
    verdict = decide(section(setups_of(*trials), margin=0.5))
    assert verdict.elected == {"sum": 2, "stop": 1}
    assert verdict.elected_gain == pytest.approx(1.0)  # 3 on the first seed, 0 on the others


def test_without_a_multitask_strategy_there_is_no_verdict(judge):
    assert judge({"single_task": SUM})[1] is None


def test_a_task_that_decides_alone_is_named(made, setups_of):
    # joint_kd is far better on the first task, a little worse on the other two
    levels = {"sum": (50, 60, 60), "joint_kd": (90, 59, 59)}
    setups = setups_of(
        *(
            made(name, seed=seed, test=[(level + (seed % 2) / 10) / 100 for level in values])
            for name, values in levels.items()
            for seed in range(4)
        )
    )
    found = section(setups, margin=0.5)
    verdict = decide(found)
    assert verdict.ship == "joint_kd"
    assert fragile(setups, verdict, found) == {("s", "t0"): "sum"}
