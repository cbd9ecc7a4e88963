"""The steps that curricula have in common, as pure functions on their state."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ray_mtlkd.strategies.curricula.base import (
    Action,
    ConvergenceVerdict,
    CurriculumState,
    Phase,
    Start,
    TaskFacts,
)


def start_all(facts: Sequence[TaskFacts]) -> tuple[CurriculumState, tuple[Action, ...]]:
    """Every task trains on its labels from the first step."""
    state = _all_in("labels", order=tuple(range(len(facts))))
    return state, tuple(Start(task) for task in state.order)


def start_first(order: tuple[int, ...]) -> tuple[CurriculumState, tuple[Action, ...]]:
    """Only the first task of the order trains; the others wait."""
    return start_next(_all_in("waiting", order=order))


def start_next(state: CurriculumState) -> tuple[CurriculumState, tuple[Action, ...]]:
    """The first waiting task in order begins to train; nothing happens where none waits."""
    for task in state.order:
        if state.phases[task] == "waiting":
            return replace(state, phases=_put(state.phases, task, "labels")), (Start(task),)
    return state, ()


def newly_converged(state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]) -> tuple[int, ...]:
    """Tasks that train on labels and have now converged, earliest best evaluation first (ties: setup's order)."""
    found = [
        task
        for task, (phase, dealt_with, verdict) in enumerate(zip(state.phases, state.converged, verdicts, strict=True))
        if phase == "labels" and not dealt_with and verdict.converged
    ]
    return tuple(sorted(found, key=lambda task: verdicts[task].best_step))


def settle(state: CurriculumState, tasks: Iterable[int], *, phase: Phase) -> CurriculumState:
    """The tasks' convergence is dealt with, and they go on in ``phase``."""
    for task in tasks:
        state = replace(
            state,
            phases=_put(state.phases, task, phase),
            converged=(*state.converged[:task], True, *state.converged[task + 1 :]),
        )
    return state


def _all_in(phase: Phase, *, order: tuple[int, ...]) -> CurriculumState:
    return CurriculumState(phases=(phase,) * len(order), converged=(False,) * len(order), order=order)


def _put(phases: tuple[Phase, ...], task: int, phase: Phase) -> tuple[Phase, ...]:
    return (*phases[:task], phase, *phases[task + 1 :])
