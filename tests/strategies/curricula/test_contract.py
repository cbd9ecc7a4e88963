"""This package's curricula keep what every curriculum promises, and what all of them do beside that."""

import random

import pytest

from ray_mtlkd.strategies import CURRICULA
from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict, Rewind
from ray_mtlkd.strategies.curricula.joint_kd import JointKD
from ray_mtlkd.strategies.curricula.sequential import Sequential
from ray_mtlkd.strategies.curricula.sequential_kd import SequentialKD
from ray_mtlkd.testing import check_curriculum, draw_facts, draw_verdicts

ALL = {name: kind() for name, kind in CURRICULA.items()} | {
    "joint_kd, rewind": JointKD(rewind=True),
    "sequential_kd, rewind": SequentialKD(rewind=True, order="by_difficulty"),
    "joint_kd, turning": JointKD(reteach=True, retention=0.95),
    "sequential_kd, turning": SequentialKD(reteach=True, retention=0.95, turns=1),
    "sequential, by difficulty": Sequential(order="by_difficulty"),
}
ROLES = {
    "joint": "baseline",
    "joint_kd": "kd",
    "sequential_kd": "kd",
    "single_kd": "kd",
    "ensemble_kd": "kd",
    "single_task": "reference",
    "split": "reference",
    "stop": "control",
    "stop_and_go": "baseline",
    "rewind_only": "control",
    "sequential": "control",
}


def drawn(seed):
    """Facts of some tasks, and verdicts of some evaluations."""
    draws = random.Random(seed)
    count = draws.randint(1, 6)
    return draw_facts(draws, count), [draw_verdicts(draws, count) for _ in range(draws.randint(0, 8))]


def steps(curriculum, facts, evaluations):
    """(state before, verdicts, state after, actions) of each evaluation, up to the one where all have converged."""
    state, _ = curriculum.begin(facts)
    for judged in evaluations:
        before = state
        state, actions = curriculum.advance(before, judged)
        yield before, judged, state, actions
        if all(state.converged):
            return


@pytest.mark.parametrize("name", CURRICULA)
def test_name_role_and_models_are_those_of_the_list(name):
    curriculum = ALL[name]
    assert curriculum.name == name
    assert curriculum.role == ROLES[name]
    assert (curriculum.groups is None) == (name not in {"single_task", "split"})


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("name", ALL)
def test_every_curriculum_keeps_its_promises(name, count):
    check_curriculum(ALL[name], tasks=count)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", ALL)
def test_one_that_rewinds_does_so_to_the_peak_of_each_task_that_has_newly_converged(name, seed):
    facts, evaluations = drawn(seed)
    for before, judged, after, actions in steps(ALL[name], facts, evaluations):
        rewinds = [action for action in actions if isinstance(action, Rewind)]
        newly = [task for task in range(len(facts)) if after.converged[task] and not before.converged[task]]
        if rewinds:
            assert rewinds == [Rewind(judged[task].best_step) for task in newly]
        if ALL[name].rewinds and newly and not all(after.converged):
            assert rewinds


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", ALL)
def test_some_task_trains_whatever_has_converged(name, seed):
    facts, evaluations = drawn(seed)
    for _, _, after, _ in steps(ALL[name], facts, evaluations):
        assert {"labels", "distilling"} & set(after.phases)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", ALL)
def test_all_have_converged_within_one_more_evaluation_a_task_once_all_keep_converging(name, seed):
    facts, evaluations = drawn(seed)
    done = [ConvergenceVerdict(converged=True, best_step=0, reason="all of them")] * len(facts)
    history = list(steps(ALL[name], facts, [*evaluations, *[done] * len(facts)]))
    assert all(history[-1][2].converged)
    assert "waiting" not in history[-1][2].phases


@pytest.mark.parametrize("name", ALL)
def test_the_number_of_verdicts_must_be_the_number_of_tasks(name, facts):
    state, _ = ALL[name].begin(facts)
    with pytest.raises(ValueError, match=r"zip\(\) argument"):
        ALL[name].advance(state, [ConvergenceVerdict(converged=True, best_step=0, reason="one only")])
