from dataclasses import replace

import pytest

from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict, TaskFacts

FACTS = (
    TaskFacts(name="medium", rows=500, difficulty=0.2),
    TaskFacts(name="large", rows=900, difficulty=0.8),
    TaskFacts(name="small", rows=100, difficulty=0.1),
)


@pytest.fixture
def facts():
    return FACTS


@pytest.fixture
def play():
    """Runs a curriculum through evaluations, each a dict from converged tasks to their best steps, or to verdicts.
    ``taught`` tasks have soft labels already.

    Returns what it did before the first step and after each evaluation: (initials of the phases, actions).
    """

    def run(curriculum, *evaluations, taught=()):
        facts = [replace(fact, taught=task in taught) for task, fact in enumerate(FACTS)]
        state, actions = curriculum.begin(facts)
        history = [(_initials(state), actions)]
        for best in evaluations:
            verdicts = [
                found
                if isinstance(found := best.get(task, -1), ConvergenceVerdict)
                else ConvergenceVerdict(converged=task in best, best_step=found, reason="so the table says")
                for task in range(len(FACTS))
            ]
            state, actions = curriculum.advance(state, verdicts)
            history.append((_initials(state), actions))
        return history

    return run


def _initials(state):
    return "".join(phase[0] for phase in state.phases)
