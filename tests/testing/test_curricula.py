"""A curriculum that breaks one promise is told which."""

import random
from dataclasses import replace

import pytest

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.curricula.base import Relabel, Resume, Rewind, Start, Stop
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
    return after, actions or ((Rewind(verdicts[0].best_step),) if heeded else ())


def _turns(self, state, verdicts):
    return JointKD.advance(JointKD(reteach=True), state, verdicts)


BROKEN = {
    "role": broken(role="base"),
    "stops": beginning(lambda state, actions: (state, (*actions, Stop(0)))),
    "stopped": beginning(lambda state, actions: (replace(state, phases=("stopped",) * 4), actions)),
    "order": beginning(lambda state, actions: (replace(state, order=(0, 0, 1, 2)), actions)),
    "no flags": beginning(lambda state, actions: (replace(state, converged=()), actions)),
    "one unstarted": beginning(lambda state, actions: (state, actions[:-1])),
    "backwards": beginning(lambda state, actions: (state, actions[::-1])),
    "starts again": acting(lambda actions: [*actions, *([Start(0)] if actions else [])]),
    "relabels later": acting(lambda actions: map(_later, actions)),
    "never relabels": acting(lambda actions: [action for action in actions if not isinstance(action, Relabel)]),
    "relabels twice": acting(lambda actions: [*actions, *actions[:1]]),
    "rewinds": acting(lambda actions: [*actions, Rewind(0)]),
    "rewinds anywhere": acting(lambda actions: [*actions, Rewind(7)], rewinds=True),
    "order turns": holding(lambda state: replace(state, order=state.order[::-1])),
    "forgets": holding(lambda state: replace(state, converged=tuple(not each for each in state.converged))),
    "teaches": broken(role="baseline"),
    "watches what is undone": broken(Sequential, rewinds=True, watches=True),
    "turns unwatched": broken(advance=_turns),
    "resumes untaught": acting(lambda actions: [Resume(a.task) if isinstance(a, Relabel) else a for a in actions]),
    "chance": broken(advance=_by_chance),
    "heeds all": broken(advance=_heeds_all, rewinds=True),
}


def test_sound_ones_pass():
    check_curriculum(broken())
    check_curriculum(acting(lambda actions: actions, Sequential))


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_promise_is_told(how, refused):
    with refused(AssertionError):
        check_curriculum(BROKEN[how])


def test_a_distilling_task_may_stop():
    def advance(self, state, verdicts):
        for task, phase in enumerate(state.phases):
            if phase == "distilling":
                phases = (*state.phases[:task], "stopped", *state.phases[task + 1 :])
                return replace(state, phases=phases), (Stop(task),)
        return JointKD.advance(self, state, verdicts)

    check_curriculum(broken(advance=advance))
