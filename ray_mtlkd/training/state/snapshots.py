"""The snapshots that a run keeps: those that it may still be asked about or sent back to."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from ray_mtlkd.models.encoders.pretrained import copied
from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.training.evaluation.convergence import Tracker
from ray_mtlkd.training.state.progress import Progress, Snapshot
from ray_mtlkd.training.step.trainer import MODEL, TEACHER, parameters_of


class Snapshots:
    """Snapshots by physical step, and a second model that takes on their parameters.

    Args:
        model: Copied; its own parameters are never touched.
    """

    def __init__(self, model: MultitaskModel) -> None:
        self._model = copied(model)
        self._model.requires_grad_(requires_grad=False)
        self._kept: dict[int, Snapshot] = {}
        self._loaded: tuple[str, tuple[int, ...]] | None = None
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
        return self._take(MODEL, (step,))

    def averaged(self, step: int) -> MultitaskModel:
        """Likewise the moving average that trained beside the model, as of ``step``."""
        return self._take(TEACHER, (step,))

    def mean(self, steps: Sequence[int]) -> MultitaskModel:
        """Likewise the mean of the parameters as of several steps; what cannot be averaged is as of the first one."""
        return self._take(MODEL, tuple(steps))

    def _take(self, prefix: str, steps: tuple[int, ...]) -> MultitaskModel:
        if (prefix, steps) != self._loaded:
            first, *others = (parameters_of(self._kept[step], prefix) for step in steps)
            self._model.load_state_dict(
                {key: _mean([tensor, *(each[key] for each in others)]) for key, tensor in first.items()}
            )
            self._model.eval()
            self._loaded = prefix, steps
        return self._model

    def needed(self, progress: Progress, trackers: Sequence[Tracker], *, judged: Sequence[int]) -> set[int]:
        """Steps that may still matter: the checkpoint, the peaks, the leaders of tasks that are still judged, and, as
        a rewind brings back the trackers of its snapshot, the leaders known there.
        """  # noqa: D205 - the summary needs two lines
        steps = {peak.step for peak in progress.peaks if peak is not None}
        if progress.best is not None:
            steps.add(progress.best.step)
        reachable: set[int] = set()
        frontier = _steps(trackers, judged)
        while frontier:
            reachable |= frontier
            known = [self._kept[step].internals for step in frontier if step in self._kept]
            frontier = {step for part in known if part is not None for step in _steps(part.trackers, judged)}
            frontier -= reachable
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


def _steps(trackers: Sequence[Tracker], tasks: Sequence[int]) -> set[int]:
    """Those of some tasks' leaders."""
    return {leader.step for task in tasks for leader in trackers[task].leaders}


def _mean(parts: Sequence[Tensor]) -> Tensor:
    first, *others = parts
    if not others or not first.is_floating_point():
        return first
    total = first.clone()
    for other in others:
        total += other
    return total / len(parts)
