"""What every curriculum promises, whatever the verdicts."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from ray_mtlkd.serial import dumps, loads
from ray_mtlkd.strategies.curricula import CURRICULA
from ray_mtlkd.strategies.curricula.base import (
    Action,
    ConvergenceVerdict,
    Curriculum,
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
from ray_mtlkd.testing.base import expect, expect_structure, global_chance_untouched

_EVALUATIONS = 8
"""Of a run, at most."""
_LEGAL: Mapping[type, tuple[frozenset[Phase], Phase]] = {
    Start: (frozenset({"waiting"}), "labels"),
    Relabel: (frozenset({"labels", "distilling"}), "distilling"),
    Return: (frozenset({"distilling", "stopped"}), "labels"),
    Resume: (frozenset({"labels"}), "distilling"),
    Stop: (frozenset({"labels", "distilling"}), "stopped"),
}
"""Phases before each action, and the one after it."""


def check_curriculum(curriculum: Curriculum, *, tasks: int = 4, runs: int = 100, seed: int = 0) -> None:
    """Hold a curriculum to its contract, on drawn facts and verdicts.

    A task starts once, as it leaves ``waiting``, in the order that `begin` has fixed; in the role of ``kd`` one that is
    taught distils from the first step; a phase changes by its action alone, one an evaluation and task; only in the
    role of ``kd`` are tasks relabelled, each by the model of its best step: once it has converged, or when it surpasses
    its teacher; only one that has a teacher resumes; `Return` undoes ``converged``, nothing else does, and only a
    curriculum that watches asks for it; `Rewind` goes to a best step, once an evaluation, and only where `rewinds` says
    so; verdicts on tasks that wait change nothing, nor do those on tasks that have stopped or are dealt with where
    nobody watches, also once all tasks have converged; the same call gives the same answer; and the state goes through
    JSON.

    Args:
        curriculum: Made for any tasks, or for ``task0``, ``task1`` and so on.
        tasks: T.
        runs: Drawn runs of some evaluations each.
        seed: Of the draws.

    Raises:
        AssertionError: saying what is broken.
        MtlkdError: where the curriculum does not fit the tasks.
    """
    expect_structure(CURRICULA.misfit, curriculum)
    expect(not (curriculum.watches and curriculum.rewinds), "what it watches is undone where it rewinds")
    draws = random.Random(seed)  # noqa: S311 - reproducible
    for run in range(runs):
        facts = draw_facts(draws, tasks)
        if run % 2:
            facts = tuple(replace(fact, taught=bool(draws.getrandbits(1))) for fact in facts)
        state, actions = curriculum.begin(facts)
        started = _check_begin(curriculum, facts, state, actions)
        taught = {task for task, phase in enumerate(state.phases) if phase == "distilling"}
        with global_chance_untouched("`advance`") as move_chance:
            for verdicts in _run(draws, tasks):
                before = state
                state, actions = _advance(curriculum, before, verdicts, move_chance)
                started += [action.task for action in actions if isinstance(action, Start)]
                _check_phases(before, state, actions, verdicts)
                _check_teaching(curriculum, before, actions, taught)
                _check_order(actions, verdicts, rewinds=curriculum.rewinds)
                _check_ignored(curriculum, before, verdicts, (state, actions))
                _check_started(state, started)
                expect(_restored(state) == state, "the state comes back from a checkpoint changed")


def draw_facts(draws: random.Random, tasks: int) -> tuple[TaskFacts, ...]:
    """Tasks of which some are as large or as difficult as others."""
    return tuple(
        TaskFacts(name=f"task{at}", rows=draws.randint(1, 3), difficulty=draws.randint(0, 4) / 4) for at in range(tasks)
    )


def draw_verdicts(draws: random.Random, tasks: int) -> tuple[ConvergenceVerdict, ...]:
    """A verdict on each task, converged as often as not, that may retain much or little or surpass its teacher."""
    return tuple(
        ConvergenceVerdict(
            converged=bool(draws.getrandbits(1)),
            best_step=draws.randint(0, 5) * 25,
            reason="drawn",
            retained=draws.choice([None, 0.5, 0.99, 1.01]),
            surpasses=bool(draws.getrandbits(1)),
        )
        for _ in range(tasks)
    )


def _run(draws: random.Random, tasks: int) -> Iterator[tuple[ConvergenceVerdict, ...]]:
    return (draw_verdicts(draws, tasks) for _ in range(draws.randint(0, _EVALUATIONS)))


def _check_begin(
    curriculum: Curriculum, facts: Sequence[TaskFacts], state: CurriculumState, actions: Sequence[Action]
) -> list[int]:
    """The tasks that start, in order."""
    expect(curriculum.begin(facts) == (state, actions), "`begin` gives another answer to the same tasks")
    starts = [action for action in actions if isinstance(action, Start)]
    expect(starts and len(starts) == len(actions), f"`begin` starts tasks, and nothing else: {actions}")
    for phase, fact in zip(state.phases, facts, strict=False):
        legal = {"distilling"} if fact.taught and curriculum.role == "kd" else {"labels", "waiting"}
        expect(phase in legal, f"at the beginning, {fact} is in phase {phase}")
    expect(sorted(state.order) == list(range(len(facts))), f"`order` is {state.order}: every task once")
    expect(len(state.converged) == len(state.phases) == len(facts), "a phase and a flag for each task")
    started = [start.task for start in starts]
    _check_started(state, started)
    return started


def _advance(
    curriculum: Curriculum,
    state: CurriculumState,
    verdicts: Sequence[ConvergenceVerdict],
    move_chance: Callable[[], None],
) -> tuple[CurriculumState, tuple[Action, ...]]:
    said = repr(state)
    after, actions = curriculum.advance(state, verdicts)
    move_chance()
    again = curriculum.advance(state, verdicts)
    expect(again == (after, actions), "`advance` gives another answer to the same state and verdicts")
    expect(repr(state) == said, "`advance` changes its arguments")
    return after, actions


def _check_started(state: CurriculumState, started: Sequence[int]) -> None:
    running = {task for task, phase in enumerate(state.phases) if phase != "waiting"}
    expect(len(started) == len(set(started)), f"a task starts twice: {started}")
    expect(running == set(started), f"tasks {sorted(running)} do not wait, and {sorted(started)} were started")
    in_order = list(started) == list(state.order[: len(started)])
    expect(in_order, f"tasks start as {started}, not in the order {state.order}")


def _check_phases(
    before: CurriculumState,
    after: CurriculumState,
    actions: Sequence[Action],
    verdicts: Sequence[ConvergenceVerdict],
) -> None:
    phases = list(before.phases)
    moved = [action.task for action in actions if not isinstance(action, Rewind)]
    expect(len(moved) == len(set(moved)), f"a task is moved twice: {list(actions)}")
    for action in actions:
        if not isinstance(action, Rewind):
            legal, then = _LEGAL[type(action)]
            now = phases[action.task]
            expect(now in legal, f"{action} of a task in phase {now}")
            phases[action.task] = then
        if isinstance(action, Relabel):
            verdict = verdicts[action.task]
            may = verdict.surpasses if before.phases[action.task] == "distilling" else verdict.converged
            expect(may, f"{action} of a task that has not converged, or does not surpass its teacher")
            expect(action.step == verdict.best_step, f"{action}, and the task's best step is {verdict.best_step}")
    expect(tuple(phases) == after.phases, f"{before.phases} becomes {after.phases} by {list(actions)}")
    expect(after.order == before.order, "`order` changes")
    forgotten = [task for task, was in enumerate(before.converged) if was and not after.converged[task]]
    back = sorted(action.task for action in actions if isinstance(action, Return))
    expect(forgotten == back, f"tasks {forgotten} had converged, and have not any more; {back} go back to their labels")


def _check_teaching(
    curriculum: Curriculum, before: CurriculumState, actions: Sequence[Action], taught: set[int]
) -> None:
    """Adds to ``taught``."""
    relabelled = {action.task for action in actions if isinstance(action, Relabel)}
    expect(curriculum.role == "kd" or not relabelled, f"its role is {curriculum.role}, and tasks are relabelled")
    resumed = {action.task for action in actions if isinstance(action, Resume)}
    expect(resumed <= taught, f"tasks {sorted(resumed - taught)} resume, and never had a teacher")
    taught |= relabelled
    again = {action.task for action in actions if isinstance(action, Return)}
    again |= {task for task in relabelled if before.phases[task] == "distilling"}
    expect(curriculum.watches or not again, f"it does not watch, and tasks {sorted(again)} turn")


def _check_order(actions: Sequence[Action], verdicts: Sequence[ConvergenceVerdict], *, rewinds: bool) -> None:
    back = [at for at, action in enumerate(actions) if isinstance(action, Rewind)]
    expect(len(back) <= int(rewinds), f"{len(back)} rewinds in an evaluation, and `rewinds` is {rewinds}")
    if back:
        steps = {verdict.best_step for verdict in verdicts if verdict.converged}
        rewind = actions[back[0]]
        expect(isinstance(rewind, Rewind) and rewind.step in steps, f"{rewind} is no converged task's best step")
        late = [action for action in actions[back[0] :] if isinstance(action, Relabel)]
        expect(not late, "a task is relabelled before the rewind, not after it")


def _check_ignored(
    curriculum: Curriculum,
    state: CurriculumState,
    verdicts: Sequence[ConvergenceVerdict],
    answer: tuple[CurriculumState, tuple[Action, ...]],
) -> None:
    flipped = [
        _flipped(verdict, watched=curriculum.watches and phase != "waiting")
        if phase in {"waiting", "stopped"} or dealt_with
        else verdict
        for verdict, phase, dealt_with in zip(verdicts, state.phases, state.converged, strict=True)
    ]
    same = curriculum.advance(state, flipped) == answer
    expect(same, f"verdicts on tasks that wait, have stopped or are dealt with change the answer to {state}")


def _flipped(verdict: ConvergenceVerdict, *, watched: bool) -> ConvergenceVerdict:
    """Another one in all that does not matter of a task that is dealt with."""
    flipped = replace(verdict, converged=not verdict.converged)
    return flipped if watched else replace(flipped, best_step=-1, retained=0.1, surpasses=not verdict.surpasses)


def _restored(state: CurriculumState) -> CurriculumState:
    return loads(CurriculumState, dumps(state), where="the state", fix="make it a `CurriculumState`")
