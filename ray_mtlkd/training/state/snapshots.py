"""The snapshots that a run keeps: those that it may still be asked about or sent back to."""

import copy
from collections.abc import Mapping, Sequence

from torch import Tensor

from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.training.evaluation.convergence import Tracker
from ray_mtlkd.training.state.progress import Progress, Snapshot
from ray_mtlkd.training.step.trainer import parameters_of


class Snapshots:
    """Snapshots by physical step, and a second model that takes on their parameters.

    Args:
        model: Copied; its own parameters are never touched.
    """

    def __init__(self, model: MultitaskModel) -> None:
        self._model = copy.deepcopy(model)
        self._model.requires_grad_(requires_grad=False)
        self._kept: dict[int, Snapshot] = {}
        self._loaded: int | None = None
        self._spare: Mapping[str, Tensor] = {}

    @property
    def kept(self) -> dict[int, Snapshot]:
        """By step."""
        return self._kept

    def keep(self, step: int, snapshot: Snapshot) -> None:
        """Keep one more."""
        self._kept[step] = snapshot

    def model(self, step: int) -> MultitaskModel:
        """The model as of ``step``, in evaluation mode; the next call may change it."""
        if step != self._loaded:
            self._model.load_state_dict(parameters_of(self._kept[step]))
            self._model.eval()
            self._loaded = step
        return self._model

    def needed(self, progress: Progress, trackers: Sequence[Tracker]) -> set[int]:
        """Steps that may still matter: the checkpoint, the peaks, the open tasks' best ones, and, since a rewind brings
        back the trackers of its snapshot, the best ones known there.
        """  # noqa: D205 - the summary needs two lines
        steps = {peak.step for peak in progress.peaks if peak is not None}
        if progress.best is not None:
            steps.add(progress.best.step)
        unconverged = [task for task, done in enumerate(progress.curriculum.converged) if not done]
        reachable: set[int] = set()
        frontier = {trackers[task].best_step for task in unconverged} - {-1}
        while frontier:
            reachable |= frontier
            known = [self._kept[step].internals for step in frontier if step in self._kept]
            found = {part.trackers[task].best_step for part in known if part is not None for task in unconverged}
            frontier = found - reachable - {-1}
        return steps | reachable

    def prune(self, needed: set[int]) -> None:
        """Forget all others."""
        forgotten = [snapshot.tensors for step, snapshot in self._kept.items() if step not in needed]
        if forgotten:
            self._spare = forgotten[-1]
        self._kept = {step: self._kept[step] for step in sorted(needed)}

    def spare(self) -> Mapping[str, Tensor]:
        """Tensors of a forgotten snapshot, if there is one, for the next to be written into: once.

        Where a model is large, most of a fresh copy's time goes into asking the system for its memory.
        """
        spare, self._spare = self._spare, {}
        return spare
