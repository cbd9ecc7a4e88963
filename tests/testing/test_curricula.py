"""A curriculum that breaks one promise is told which."""

import random
import re
from dataclasses import replace

import pytest

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.curricula.base import Finish, Relabel, Rewind, Start, Stop
from ray_mtlkd.strategies.curricula.joint_kd import JointKD
from ray_mtlkd.strategies.curricula.sequential import Sequential
from ray_mtlkd.testing import check_curriculum


def broken(kind=JointKD, **methods):
    """One of this package's own with some of its members replaced."""
    return document(type("Broken", (kind,), methods))()


def acting(change, kind=JointKD, **members):
    """One whose actions after an evaluation are changed."""

    def advance(self, state, verdicts):
        after, actions = kind.advance(self, state, verdicts)
        return after, tuple(change(actions))

    return broken(kind, advance=advance, **members)


def holding(change):
    """One whose state after an evaluation is changed."""

    def advance(self, state, verdicts):
        after, actions = JointKD.advance(self, state, verdicts)
        return change(after), actions

    return broken(advance=advance)


def beginning(change):
    def begin(self, facts):
        return change(*JointKD.begin(self, facts))

    return broken(begin=begin)


def _later(action):
    return replace(action, step=action.step + 1) if isinstance(action, Relabel) else action


def _by_chance(self, state, verdicts):
    random.random()
    return JointKD.advance(self, state, verdicts)


def _heeds_all(self, state, verdicts):
    after, actions = JointKD.advance(self, state, verdicts)
    heeded = state.converged[0] and verdicts[0].converged
    return after, actions or ((Finish(),) if heeded else ())


BROKEN = {
    "its `role` is 'base'": broken(role="base"),
    "`begin` starts tasks, and nothing else": beginning(lambda state, actions: (state, (*actions, Finish()))),
    "phases at the beginning are": beginning(lambda state, actions: (replace(state, phases=("stopped",) * 4), actions)),
    "every task once": beginning(lambda state, actions: (replace(state, order=(0, 0, 1, 2)), actions)),
    "a phase and a flag for each task": beginning(lambda state, actions: (replace(state, converged=()), actions)),
    "do not wait, and": beginning(lambda state, actions: (state, actions[:-1])),
    "not in the order": beginning(lambda state, actions: (state, actions[::-1])),
    "of a task in phase": acting(lambda actions: [*actions, *([Start(0)] if actions else [])]),
    "and the task's best step is": acting(lambda actions: map(_later, actions)),
    "becomes ('": acting(lambda actions: [action for action in actions if not isinstance(action, Relabel)]),
    "of a task in phase distilling": acting(lambda actions: [*actions, *actions[:1]]),
    "`Finish` comes last": acting(lambda actions: [Finish(), *actions]),
    "rewinds in an evaluation": acting(lambda actions: [*actions, Rewind(0)]),
    "is no converged task's best step": acting(lambda actions: [*actions, Rewind(7)], rewinds=True),
    "`order` changes": holding(lambda state: replace(state, order=state.order[::-1])),
    "had converged, and have not any more": holding(
        lambda state: replace(state, converged=tuple(not each for each in state.converged))
    ),
    "`advance` draws from the global generator of random": broken(advance=_by_chance),
    "change the answer to": broken(advance=_heeds_all),
}


def test_sound_ones_pass():
    check_curriculum(broken())
    check_curriculum(acting(lambda actions: actions, Sequential))


@pytest.mark.parametrize("said", BROKEN)
def test_a_broken_promise_is_told(said):
    with pytest.raises(AssertionError, match=re.escape(said)):
        check_curriculum(BROKEN[said])


def test_a_distilling_task_may_stop():
    def advance(self, state, verdicts):
        for task, phase in enumerate(state.phases):
            if phase == "distilling":
                phases = (*state.phases[:task], "stopped", *state.phases[task + 1 :])
                return replace(state, phases=phases), (Stop(task),)
        return JointKD.advance(self, state, verdicts)

    check_curriculum(broken(advance=advance))
