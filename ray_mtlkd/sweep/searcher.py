"""The plan as a Tune searcher: one Tune run searches and replicates, and no strategy waits for another one's search."""

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ray.tune.search import Searcher

from ray_mtlkd.sweep.halving import FAILED, Found, Run, Standing
from ray_mtlkd.sweep.longest_first import LongestFirst
from ray_mtlkd.sweep.losses import Losses, WorkerLoss
from ray_mtlkd.sweep.plan import Plan, Trial, best_indices
from ray_mtlkd.sweep.ranking import Ranking
from ray_mtlkd.sweep.status import RankedStrategy


class PlanSearcher(Searcher):  # type: ignore[misc]  # ray ships no type information
    """Hands out the plan's trials; as soon as a group's search is over, its replicates may follow.

    Searches come first, since replicates wait for them, and then the longest trials: the shortest ones that are left
    keep all workers busy to the end. Those that were killed for memory go last, each with no other beside it.

    Args:
        plan: What to run.
        finished: Trials with records from an earlier run of this sweep, by name: they do not run again.
        losses: Says what becomes of trials that lose their worker.
        on_lost: Called with a trial that is given up, which therefore has no record of its own, and the reason.
        on_let_go: Called with a trial that the search does not go on with, and that has left its checkpoint.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        finished: Mapping[str, Found],
        losses: Losses,
        on_lost: Callable[[Trial, str], None],
        on_let_go: Callable[[Trial], None],
    ) -> None:
        super().__init__(metric="score", mode="max")
        self._plan = plan
        self._losses = losses
        self._on_lost = on_lost
        self._on_let_go = on_let_go
        self._known = finished
        self._finished: dict[str, Found] = {}
        self._found: dict[tuple[str, str], dict[Run, Found]] = {group: {} for group in plan.groups}
        self._handed: set[str] = set()
        self._searches: deque[Trial] = deque()
        self._replicates = LongestFirst()
        self._alone: deque[Trial] = deque()
        self._running: dict[str, Trial] = {}
        self._failed: dict[str, Trial] = {}
        self._failures = 0
        self._ranking = Ranking(plan.groups)
        self._missing: dict[tuple[str, str], tuple[Standing, set[Run]]] = {}
        self._open = len(plan.groups)
        self._total = plan.size
        for group in plan.groups:
            for run in plan.search_runs:
                name = plan.search_name(group, run)
                if name in finished:
                    plan.follow(group, self._found[group])
                    self._note_search(plan.search_trial(group, run, until=1.0), finished[name])
            if plan.searches:
                self._go_on(group)
            else:
                self._replicate(group, list(range(plan.chosen)))

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to run."""
        return not (self._searches or self._replicates or self._alone or self._running) and self._open == 0

    @property
    def total(self) -> int:
        """Trials of the sweep in all: those of earlier runs included, replicates that will never run left out."""
        return self._total

    @property
    def finished(self) -> Mapping[str, Found]:
        """What became of trials that will not run any further, by name."""
        return self._finished

    @property
    def failures(self) -> int:
        """How many of these have failed."""
        return self._failures

    @property
    def ranking(self) -> tuple[RankedStrategy, ...]:
        """How the strategies stand in each setup, by what has ended."""
        return self._ranking.get()

    def suggest(self, trial_id: str) -> Any:
        """The next trial's configuration, None while there may be one later, or FINISHED."""
        if self.is_over:
            return Searcher.FINISHED
        trial = self._next()
        if trial is None:
            return None
        self._running[trial_id] = trial
        return {"name": trial.run_name, "trial": trial.dumps()}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:  # noqa: FBT001, FBT002 - Tune's signature
        """Note a trial's score; of one that lost its worker, `lose` is told next."""
        if error:
            self._failed[trial_id] = self._running[trial_id]
            return
        trial = self._running.pop(trial_id)
        if result is None or "status" not in result:
            self._give_up(trial, "it ended without a result")
            return
        self._losses.ended_well()
        self._replicates.learn(trial, result["wall_s"])
        self._note(trial, Found(score=result["score"], rungs=tuple(result["rungs"]), is_over=result["is_over"]))

    def lose(self, trial_id: str, loss: WorkerLoss) -> str:
        """A trial that Tune gave up runs again, or counts as failed; returns its name."""
        del self._running[trial_id]
        trial = self._failed.pop(trial_id)
        reason = self._losses.note(trial.name, loss)
        if reason is None:
            self._add(trial)
        else:
            self._give_up(trial, reason)
        return trial.name

    def save(self, checkpoint_path: str) -> None:
        """Nothing is kept here: the sweep's records are what a later run goes on from."""
        Path(checkpoint_path).write_text(json.dumps({}))

    def restore(self, checkpoint_path: str) -> None:
        """See `save`."""
        json.loads(Path(checkpoint_path).read_text())

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles this for `Tuner.restore`, but a sweep goes on from its own records."""
        return {}

    def _next(self) -> Trial | None:
        if self._losses.is_pausing or any(self._losses.goes_alone(trial.name) for trial in self._running.values()):
            return None
        if self._searches:
            return self._searches.popleft()
        if not self._replicates:
            return self._alone.popleft() if self._alone and not self._running else None
        return self._replicates.pop()

    def _add(self, trial: Trial) -> None:
        """One more to run."""
        if self._losses.goes_alone(trial.name):
            self._alone.append(trial)
        elif trial.stage == "replicate":
            self._replicates.add(trial)
        else:
            self._searches.append(trial)

    def _give_up(self, trial: Trial, reason: str) -> None:
        self._on_lost(trial, reason)
        self._note(trial, FAILED)

    def _note(self, trial: Trial, found: Found) -> None:
        """What became of a trial, and what follows."""
        if trial.stage == "search":
            self._note_search(trial, found)
            if self._decides(trial, found):
                self._go_on(trial.group)
        else:
            self._finish(trial, found)

    def _note_search(self, trial: Trial, found: Found) -> None:
        self._found[trial.group][trial.index, trial.seed] = found
        if found.is_over:
            self._finish(trial, found)

    def _decides(self, trial: Trial, found: Found) -> bool:
        """Whether anything may follow from a trial: it was the last that its group's search has waited for.

        Where a search halves, also one that has failed, which may have been compared with others before.
        """
        (standing, missing), run = self._missing[trial.group], (trial.index, trial.seed)
        if run not in missing or (found.failed and trial.ladder.rungs):
            return True
        if standing.has_come(found):
            missing.remove(run)
        return not missing

    def _go_on(self, group: tuple[str, str]) -> None:
        """What a group's search does next, after all that is known of it."""
        found = self._found[group]
        self._plan.follow(group, found)
        standing = self._plan.standing(found)
        self._missing[group] = standing, set(standing.missing)
        for run in found:
            trial = self._plan.search_trial(group, run, until=standing.until)
            if run[0] not in standing.left and trial.name not in self._finished:
                self._finish(trial, found[run])
                self._on_let_go(trial)
        for run in standing.missing:
            trial = self._plan.search_trial(group, run, until=standing.until)
            if trial.run_name not in self._handed:
                self._handed.add(trial.run_name)
                self._add(trial)
        if standing.is_over:
            scores: dict[int, list[float | None]] = {}
            for index, seed in found:
                if index in standing.left:
                    scores.setdefault(index, []).append(found[index, seed].score)
            self._replicate(group, best_indices(scores, most=self._plan.chosen))

    def _replicate(self, group: tuple[str, str], best: Sequence[int]) -> None:
        """Replicate the best, and what was among them before there were more: all strategies have the same seeds."""
        indices = [*best, *(index for index in self._plan.indices if index not in best and self._began(group, index))]
        self._open -= 1
        self._total -= (self._plan.chosen - len(indices)) * len(self._plan.replicates(group, 0))
        for index in indices:
            for trial in self._plan.replicates(group, index):
                if trial.name in self._known:
                    self._finish(trial, self._known[trial.name])
                else:
                    self._add(trial)

    def _began(self, group: tuple[str, str], index: int) -> bool:
        return any(trial.name in self._known for trial in self._plan.replicates(group, index))

    def _finish(self, trial: Trial, found: Found) -> None:
        self._finished[trial.name] = found
        self._failures += found.failed
        if found.score is not None:
            self._ranking.add(trial, found.score)
