import pytest
import torch
from torch import nn

from ray_mtlkd.strategies.curricula.base import CurriculumState
from ray_mtlkd.training.evaluation.convergence import Tracker
from ray_mtlkd.training.state.progress import Best, Internals, Peak, Progress, Snapshot
from ray_mtlkd.training.state.snapshots import Snapshots


def _snapshot(*best_steps):
    trackers = tuple(Tracker(best=0.5, best_step=step) for step in best_steps)
    internals = Internals(drawn=(), trackers=trackers, balancer="[]", rng=(3, (), None))
    return Snapshot(tensors={"model.weight": torch.zeros(1, 1), "model.bias": torch.zeros(1)}, internals=internals)


def _progress(*, peaks=(None, None), best=None, converged=(False, False)):
    state = CurriculumState(phases=("labels", "labels"), converged=converged, order=(0, 1))
    return Progress(
        curriculum=state,
        peaks=[None if step is None else Peak(value=0.5, step=step) for step in peaks],
        teachers=[None, None],
        curves=[[], []],
        best=None if best is None else Best(score=0.5, step=best, values=(0.5, 0.5)),
    )


def _trackers(*best_steps):
    return [Tracker(best=0.5, best_step=step) for step in best_steps]


@pytest.fixture
def snapshots():
    snapshots = Snapshots(nn.Linear(1, 1))
    for step, best_steps in {10: (10, -1), 20: (10, 20), 30: (30, 20), 40: (30, 40)}.items():
        snapshots.keep(step, _snapshot(*best_steps))
    return snapshots


def test_the_checkpoint_the_peaks_and_the_open_tasks_best_steps_are_needed(snapshots):
    progress = _progress(peaks=(10, None), best=20, converged=(True, True))
    assert snapshots.needed(progress, _trackers(30, 40)) == {10, 20}
    assert snapshots.needed(_progress(converged=(False, True)), _trackers(10, 40)) == {10}


def test_what_a_rewind_brings_back_is_needed_too(snapshots):
    assert snapshots.needed(_progress(), _trackers(30, 40)) == {10, 20, 30, 40}


def test_a_peak_on_the_way_does_not_hide_what_lies_behind_it(snapshots):
    assert snapshots.needed(_progress(peaks=(20, 30)), _trackers(30, 40)) == {10, 20, 30, 40}


def test_pruning_keeps_exactly_what_is_needed(snapshots):
    snapshots.prune({20, 40})
    assert set(snapshots.kept) == {20, 40}


def test_the_second_model_takes_on_a_moment_and_leaves_the_first_alone():
    first = nn.Linear(1, 1)
    before = first.weight.item()
    snapshots = Snapshots(first)
    snapshots.keep(5, Snapshot(tensors={"model.weight": torch.full((1, 1), 7.0), "model.bias": torch.zeros(1)}))
    assert snapshots.model(5).weight.item() == 7.0
    assert not snapshots.model(5).training
    assert first.weight.item() == before


def test_a_forgotten_moment_is_written_over_once(snapshots):
    assert snapshots.spare() == {}
    forgotten = snapshots.kept[40].tensors
    snapshots.prune({10, 20, 30})
    assert snapshots.spare() is forgotten
    assert snapshots.spare() == {}
