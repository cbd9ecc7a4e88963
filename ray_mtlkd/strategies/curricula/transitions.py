"""The steps that curricula have in common, as pure functions on their state."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.strategies.curricula.base import (
    Action,
    ConvergenceVerdict,
    CurriculumState,
    Phase,
    Relabel,
    Resume,
    Return,
    Rewind,
    Start,
    Stop,
    TaskFacts,
)

Value = TypeVar("Value")


def start_all(facts: Sequence[TaskFacts]) -> tuple[CurriculumState, tuple[Action, ...]]:
    """Every task trains on its labels from the first step."""
    state = _all_in("labels", order=tuple(range(len(facts))))
    return state, tuple(Start(task) for task in state.order)


def start_first(order: tuple[int, ...], *, taught: Sequence[int] = ()) -> tuple[CurriculumState, tuple[Action, ...]]:
    """Only the first task of the order trains; the others wait, but for those that are ``taught``, which distil."""
    state = _all_in("waiting", order=(*taught, *(task for task in order if task not in taught)))
    state, starts = start_next(_distilling(state, taught))
    return state, (*(Start(task) for task in taught), *starts)


def start_taught(facts: Sequence[TaskFacts]) -> tuple[CurriculumState, tuple[Action, ...]]:
    """Every task trains from the first step, on its labels or on what it is taught."""
    state, starts = start_all(facts)
    return _distilling(state, taught_tasks(facts)), starts


def taught_tasks(facts: Sequence[TaskFacts]) -> tuple[int, ...]:
    """Those that have soft labels already, in the setup's order."""
    return tuple(task for task, fact in enumerate(facts) if fact.taught)


def settle_taught(state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]) -> CurriculumState:
    """Tasks that were taught from the first step, and have converged now, go on as they are."""
    parts = enumerate(zip(state.phases, state.converged, verdicts, strict=True))
    found = [task for task, (phase, done, verdict) in parts if phase == "distilling" and not done and verdict.converged]
    return settle(state, found, phase="distilling")


def start_next(state: CurriculumState) -> tuple[CurriculumState, tuple[Action, ...]]:
    """The first waiting task in order begins to train; nothing happens where none waits."""
    for task in state.order:
        if state.phases[task] == "waiting":
            return replace(state, phases=_put(state.phases, task, "labels")), (Start(task),)
    return state, ()


def start_waiting(state: CurriculumState) -> tuple[CurriculumState, tuple[Action, ...]]:
    """All that wait begin to train, in order."""
    actions: tuple[Action, ...] = ()
    while "waiting" in state.phases:
        state, starts = start_next(state)
        actions = (*actions, *starts)
    return state, actions


def newly_converged(state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]) -> tuple[int, ...]:
    """Tasks that train on labels and have now converged, earliest best evaluation first (ties: setup's order)."""
    found = [
        task
        for task, (phase, dealt_with, verdict) in enumerate(zip(state.phases, state.converged, verdicts, strict=True))
        if phase == "labels" and not dealt_with and verdict.converged
    ]
    return tuple(sorted(found, key=lambda task: verdicts[task].best_step))


def note(state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]) -> CurriculumState:
    """Tasks that have converged are dealt with, and go on as they are, on labels or on what they are taught."""
    return settle_taught(settle(state, newly_converged(state, verdicts), phase="labels"), verdicts)


def stop(state: CurriculumState, tasks: Sequence[int]) -> tuple[CurriculumState, tuple[Action, ...]]:
    """Tasks that have converged stop; those with which the last one has converged go on, as nobody else would.

    These stop as soon as one of the others learns again.
    """
    noted = settle(state, tasks, phase="labels")
    if all(noted.converged):
        return noted, ()
    parts = enumerate(zip(state.phases, state.converged, strict=True))
    stopping = [*(task for task, (phase, converged) in parts if phase == "labels" and converged), *tasks]
    return settle(state, stopping, phase="stopped"), tuple(Stop(task) for task in stopping)


def settle(state: CurriculumState, tasks: Iterable[int], *, phase: Phase) -> CurriculumState:
    """The tasks' convergence is dealt with, and they go on in ``phase``."""
    for task in tasks:
        state = replace(
            state,
            phases=_put(state.phases, task, phase),
            converged=_put(state.converged, task, value=True),
        )
    return state


def distil(
    state: CurriculumState, tasks: Iterable[int], verdicts: Sequence[ConvergenceVerdict]
) -> tuple[CurriculumState, tuple[Action, ...]]:
    """Tasks that have converged go on with a teacher: their best model, unless the one that they have is better."""
    actions: list[Action] = []
    for task in tasks:
        has_better = state.turns[task] > 0 and not verdicts[task].surpasses
        actions.append(Resume(task) if has_better else Relabel(task, verdicts[task].best_step))
        state = settle(state, [task], phase="distilling")
    return state, tuple(actions)


class Teaching(Protocol):
    """A curriculum whose converged tasks have teachers.

    Attributes:
        rewind: Whether training goes on from the peak of a task that has converged.
        reteach: Whether a task that surpasses its teacher becomes its own next teacher.
        retention: One that has converged and retains less goes back to its labels; None: none does.
        turns: Of a task, re-teachings and returns at most.
    """

    @property
    def rewind(self) -> bool:
        """See above."""

    @property
    def reteach(self) -> bool:
        """See above."""

    @property
    def retention(self) -> float | None:
        """See above."""

    @property
    def turns(self) -> int:
        """See above."""


def due(curriculum: Teaching, state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]) -> tuple[int, ...]:
    """Newly converged tasks that get teachers now.

    With rewind it is the one with the earliest peak: going back undoes the evaluations on which others were judged.
    """
    found = newly_converged(state, verdicts)
    return found[:1] if curriculum.rewind else found


def teach(
    curriculum: Teaching, state: CurriculumState, verdicts: Sequence[ConvergenceVerdict], *, tasks: Sequence[int]
) -> tuple[CurriculumState, tuple[Action, ...]]:
    """Tasks that distil may turn, and ``tasks``, which have converged now, get teachers."""
    state, turned = hold(curriculum, state, verdicts)
    state, taught = distil(settle_taught(state, verdicts), tasks, verdicts)
    back = [Rewind(verdicts[task].best_step) for task in tasks if curriculum.rewind]
    return state, (*turned, *taught, *back)


def hold(
    curriculum: Teaching, state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]
) -> tuple[CurriculumState, tuple[Action, ...]]:
    """Tasks that distil get a better teacher, or go back to their labels."""
    actions: list[Action] = []
    for task, (phase, verdict) in enumerate(zip(state.phases, verdicts, strict=True)):
        if phase != "distilling" or state.turns[task] >= curriculum.turns:
            continue
        if curriculum.reteach and verdict.surpasses:
            actions.append(Relabel(task, verdict.best_step))
            state = replace(state, turns=_put(state.turns, task, state.turns[task] + 1))
        elif curriculum.retention is not None and state.converged[task] and has_lost(verdict, curriculum.retention):
            actions.append(Return(task))
            state = go_back(state, [task])
    return state, tuple(actions)


def may_turn(curriculum: Teaching) -> bool:
    """Whether tasks that distil are judged on."""
    return curriculum.reteach or curriculum.retention is not None


def unwatchable(curriculum: Teaching) -> Iterator[MtlkdError]:
    """What is wrong with one whose tasks may turn, and that rewinds."""
    if curriculum.rewind and may_turn(curriculum):
        what = "a rewind undoes the evaluations by which tasks that distil would be judged"
        yield MtlkdError(what, where="rewind", fix="leave it out, or reteach and retention")


def has_lost(verdict: ConvergenceVerdict, retention: float) -> bool:
    """Whether a task retains less of its metric than that."""
    return verdict.retained is not None and verdict.retained < retention


def go_back(state: CurriculumState, tasks: Iterable[int]) -> CurriculumState:
    """The tasks learn from their labels again, until they converge again."""
    for task in tasks:
        state = replace(
            state,
            phases=_put(state.phases, task, "labels"),
            converged=_put(state.converged, task, value=False),
            turns=_put(state.turns, task, state.turns[task] + 1),
        )
    return state


def _all_in(phase: Phase, *, order: tuple[int, ...]) -> CurriculumState:
    count = len(order)
    return CurriculumState(phases=(phase,) * count, converged=(False,) * count, order=order, turns=(0,) * count)


def _distilling(state: CurriculumState, tasks: Iterable[int]) -> CurriculumState:
    for task in tasks:
        state = replace(state, phases=_put(state.phases, task, "distilling"))
    return state


def _put(values: tuple[Value, ...], task: int, value: Value) -> tuple[Value, ...]:
    return (*values[:task], value, *values[task + 1 :])
