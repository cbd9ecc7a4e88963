"""What every curriculum promises, whatever the verdicts."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_mtlkd.strategies import CURRICULA, dump_state, load_state
from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict, Finish, Relabel, Rewind, Start, Stop, TaskFacts
from ray_mtlkd.strategies.curricula.joint_kd import JointKD
from ray_mtlkd.strategies.curricula.sequential import Sequential
from ray_mtlkd.strategies.curricula.sequential_kd import SequentialKD

ALL = {name: kind() for name, kind in CURRICULA.items()} | {
    "joint_kd, rewind": JointKD(rewind=True),
    "sequential_kd, rewind": SequentialKD(rewind=True, order="by_difficulty"),
    "sequential, by difficulty": Sequential(order="by_difficulty"),
}
ROLES = {
    "joint": "baseline",
    "joint_kd": "kd",
    "sequential_kd": "kd",
    "single_task": "reference",
    "stop": "control",
    "rewind_only": "control",
    "sequential": "control",
}
LEGAL = {
    Start: ("waiting", "labels"),
    Relabel: ("labels", "distilling"),
    Stop: ("labels", "stopped"),
}


@st.composite
def verdicts(draw, count):
    return tuple(
        ConvergenceVerdict(converged=draw(st.booleans()), best_step=draw(st.integers(0, 5)) * 25, reason="drawn")
        for _ in range(count)
    )


@st.composite
def runs(draw):
    count = draw(st.integers(1, 6))
    facts = tuple(
        TaskFacts(name=f"task{at}", rows=draw(st.integers(1, 3)), difficulty=draw(st.floats(0, 1)))
        for at in range(count)
    )
    return facts, draw(st.lists(verdicts(count), max_size=8))


def steps(curriculum, facts, evaluations):
    """(state before, verdicts, state after, actions) of each evaluation, up to the one that finishes."""
    state, _ = curriculum.begin(facts)
    for judged in evaluations:
        before = state
        state, actions = curriculum.advance(before, judged)
        yield before, judged, state, actions
        if Finish() in actions:
            return


@pytest.mark.parametrize("name", CURRICULA)
def test_name_role_and_models_are_those_of_the_list(name):
    curriculum = ALL[name]
    assert curriculum.name == name
    assert curriculum.role == ROLES[name]
    assert curriculum.own_models == (name == "single_task")


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=25, deadline=None)
@given(run=runs())
def test_a_task_starts_exactly_when_it_leaves_waiting(name, run):
    facts, evaluations = run
    state, actions = ALL[name].begin(facts)
    started = [action.task for action in actions]
    assert all(isinstance(action, Start) for action in actions)
    assert started
    assert {task for task, phase in enumerate(state.phases) if phase == "labels"} == set(started)
    assert set(state.phases) <= {"labels", "waiting"}
    assert sorted(state.order) == list(range(len(facts)))
    for _, _, after, actions in steps(ALL[name], facts, evaluations):
        started += [action.task for action in actions if isinstance(action, Start)]
        assert {task for task, phase in enumerate(after.phases) if phase != "waiting"} == set(started)
    assert len(started) == len(set(started))
    assert started == list(state.order[: len(started)])


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=25, deadline=None)
@given(run=runs())
def test_phases_change_only_by_their_action(name, run):
    facts, evaluations = run
    for before, judged, after, actions in steps(ALL[name], facts, evaluations):
        phases = list(before.phases)
        for action in actions:
            if type(action) in LEGAL:
                expected, phases[action.task] = LEGAL[type(action)]
                assert before.phases[action.task] == expected
            if isinstance(action, Relabel):
                assert judged[action.task].converged
                assert action.step == judged[action.task].best_step
        assert tuple(phases) == after.phases
        assert after.order == before.order
        assert all(now or not then for then, now in zip(before.converged, after.converged, strict=True))


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=25, deadline=None)
@given(run=runs())
def test_it_rewinds_at_most_once_an_evaluation_to_a_peak_and_only_if_it_says_so(name, run):
    facts, evaluations = run
    for before, judged, after, actions in steps(ALL[name], facts, evaluations):
        rewinds = [action for action in actions if isinstance(action, Rewind)]
        newly = [task for task in range(len(facts)) if after.converged[task] and not before.converged[task]]
        assert len(rewinds) <= int(ALL[name].rewinds)
        if rewinds:
            assert rewinds == [Rewind(judged[task].best_step) for task in newly]
        if ALL[name].rewinds and newly and Finish() not in actions:
            assert rewinds
            assert not any(isinstance(action, Relabel) for action in actions[actions.index(rewinds[0]) :])


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=25, deadline=None)
@given(run=runs())
def test_it_finishes_last_and_exactly_when_every_task_has_converged(name, run):
    facts, evaluations = run
    for _, _, after, actions in steps(ALL[name], facts, evaluations):
        assert (Finish() in actions) == all(after.converged)
        assert Finish() not in actions[:-1]


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=25, deadline=None)
@given(run=runs())
def test_it_ends_within_one_more_evaluation_a_task_once_all_keep_converging(name, run):
    facts, evaluations = run
    done = [ConvergenceVerdict(converged=True, best_step=0, reason="all of them")] * len(facts)
    history = list(steps(ALL[name], facts, [*evaluations, *[done] * len(facts)]))
    assert Finish() in history[-1][3]
    assert "waiting" not in history[-1][2].phases


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=25, deadline=None)
@given(run=runs())
def test_a_verdict_on_a_task_that_does_not_learn_from_labels_changes_nothing(name, run):
    facts, evaluations = run
    for before, judged, after, actions in steps(ALL[name], facts, evaluations):
        flipped = [
            verdict
            if phase == "labels" and not dealt_with
            else replace(verdict, converged=not verdict.converged, best_step=-1)
            for verdict, phase, dealt_with in zip(judged, before.phases, before.converged, strict=True)
        ]
        assert ALL[name].advance(before, flipped) == (after, actions)


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=25, deadline=None)
@given(run=runs())
def test_a_state_goes_through_json(name, run):
    facts, evaluations = run
    like, _ = ALL[name].begin(facts)
    for _, _, after, _ in steps(ALL[name], facts, evaluations):
        assert load_state(like, json.loads(json.dumps(dump_state(after)))) == after


@pytest.mark.parametrize("name", ALL)
def test_the_number_of_verdicts_must_be_the_number_of_tasks(name, facts):
    state, _ = ALL[name].begin(facts)
    with pytest.raises(ValueError, match=r"zip\(\) argument"):
        ALL[name].advance(state, [ConvergenceVerdict(converged=True, best_step=0, reason="one only")])
