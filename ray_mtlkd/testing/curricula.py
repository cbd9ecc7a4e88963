"""What every curriculum promises, whatever the verdicts."""

import random
from collections.abc import Iterator, Mapping, Sequence
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
    Relabel: (frozenset({"labels"}), "distilling"),
    Stop: (frozenset({"labels", "distilling"}), "stopped"),
}
"""Phases before each action, and the one after it."""


def check_curriculum(curriculum: Curriculum, *, tasks: int = 4, runs: int = 100, seed: int = 0) -> None:
    """Hold a curriculum to its contract, on drawn facts and verdicts.

    A task starts once, as it leaves ``waiting``, in the order that `begin` has fixed; a phase changes by its action
    alone; only in the role of ``kd`` are tasks relabelled, each once it has converged, by the model of its best step;
    `Rewind` goes to a best step, once an evaluation, and only where `rewinds` says so; verdicts on tasks that wait,
    have stopped or are dealt with change nothing, also once all tasks have converged; the same call gives the same
    answer; and the state goes through JSON.

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
    draws = random.Random(seed)  # noqa: S311 - reproducible
    for _ in range(runs):
        facts = draw_facts(draws, tasks)
        state, actions = curriculum.begin(facts)
        started = _check_begin(curriculum, facts, state, actions)
        for verdicts in _run(draws, tasks):
            before = state
            state, actions = _advance(curriculum, before, verdicts)
            started += [action.task for action in actions if isinstance(action, Start)]
            _check_phases(before, state, actions, verdicts)
            _check_order(actions, verdicts, rewinds=curriculum.rewinds)
            taught = [action for action in actions if isinstance(action, Relabel)]
            expect(curriculum.role == "kd" or not taught, f"its role is {curriculum.role}, and it relabels: {taught}")
            _check_ignored(curriculum, before, verdicts, (state, actions))
            _check_started(state, started)
            expect(_restored(state) == state, "the state comes back from a checkpoint changed")


def draw_facts(draws: random.Random, tasks: int) -> tuple[TaskFacts, ...]:
    """Tasks of which some are as large or as difficult as others."""
    return tuple(
        TaskFacts(name=f"task{at}", rows=draws.randint(1, 3), difficulty=draws.randint(0, 4) / 4) for at in range(tasks)
    )


def draw_verdicts(draws: random.Random, tasks: int) -> tuple[ConvergenceVerdict, ...]:
    """A verdict on each task, converged as often as not."""
    return tuple(
        ConvergenceVerdict(converged=bool(draws.getrandbits(1)), best_step=draws.randint(0, 5) * 25, reason="drawn")
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
    expect(set(state.phases) <= {"labels", "waiting"}, f"phases at the beginning are {state.phases}")
    expect(sorted(state.order) == list(range(len(facts))), f"`order` is {state.order}: every task once")
    expect(len(state.converged) == len(state.phases) == len(facts), "a phase and a flag for each task")
    started = [start.task for start in starts]
    _check_started(state, started)
    return started


def _advance(
    curriculum: Curriculum, state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]
) -> tuple[CurriculumState, tuple[Action, ...]]:
    said = repr(state)
    with global_chance_untouched("`advance`"):
        after, actions = curriculum.advance(state, verdicts)
    random.random()  # noqa: S311 - moves the global generator, on which nothing may depend
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
    for action in actions:
        if isinstance(action, Start | Relabel | Stop):
            legal, then = _LEGAL[type(action)]
            now = phases[action.task]
            expect(now in legal, f"{action} of a task in phase {now}")
            phases[action.task] = then
        if isinstance(action, Relabel):
            verdict = verdicts[action.task]
            expect(verdict.converged, f"{action} of a task that has not converged")
            expect(action.step == verdict.best_step, f"{action}, and the task's best step is {verdict.best_step}")
    expect(tuple(phases) == after.phases, f"{before.phases} becomes {after.phases} by {list(actions)}")
    expect(after.order == before.order, "`order` changes")
    forgotten = [task for task, was in enumerate(before.converged) if was and not after.converged[task]]
    expect(not forgotten, f"tasks {forgotten} had converged, and have not any more")


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
        replace(verdict, converged=not verdict.converged, best_step=-1)
        if phase in {"waiting", "stopped"} or dealt_with
        else verdict
        for verdict, phase, dealt_with in zip(verdicts, state.phases, state.converged, strict=True)
    ]
    same = curriculum.advance(state, flipped) == answer
    expect(same, f"verdicts on tasks that wait, have stopped or are dealt with change the answer to {state}")


def _restored(state: CurriculumState) -> CurriculumState:
    return loads(CurriculumState, dumps(state), where="the state", fix="make it a `CurriculumState`")
