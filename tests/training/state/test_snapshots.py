from dataclasses import replace

import pytest
import torch
from torch import nn

from ray_mtlkd.strategies.curricula.base import CurriculumState
from ray_mtlkd.training.evaluation.convergence import BestEvaluation, Tracker
from ray_mtlkd.training.evaluation.noise import Validated
from ray_mtlkd.training.state.progress import Best, Internals, Peak, Progress, Snapshot
from ray_mtlkd.training.state.snapshots import Snapshots


def _snapshot(*best_steps):
    internals = Internals(drawn=(), trackers=tuple(_trackers(*best_steps)), balancer="[]", rng=(3, (), None))
    return Snapshot(tensors={"model.weight": torch.zeros(1, 1), "model.bias": torch.zeros(1)}, internals=internals)


def _progress(*, peaks=(None, None), best=None, converged=(False, False)):
    state = CurriculumState(phases=("labels", "labels"), converged=converged, order=(0, 1), turns=(0, 0))
    return Progress(
        curriculum=state,
        peaks=[None if step is None else Peak(value=0.5, step=step) for step in peaks],
        teachers=[None, None],
        curves=[[], []],
        best=None if best is None else Best(score=0.5, step=best, values=(0.5, 0.5)),
    )


def _trackers(*best_steps):
    best = [() if step == -1 else (BestEvaluation(validated=Validated(value=0.5), step=step),) for step in best_steps]
    return [Tracker(leaders=leaders) for leaders in best]


@pytest.fixture
def snapshots():
    snapshots = Snapshots(nn.Linear(1, 1))
    for step, best_steps in {10: (10, -1), 20: (10, 20), 30: (30, 20), 40: (30, 40)}.items():
        snapshots.keep(step, _snapshot(*best_steps))
    return snapshots


def test_the_checkpoint_the_peaks_and_the_open_tasks_best_steps_are_needed(snapshots):
    progress = _progress(peaks=(10, None), best=20, converged=(True, True))
    assert snapshots.needed(progress, _trackers(30, 40), judged=[]) == {10, 20}
    assert snapshots.needed(_progress(), _trackers(10, 40), judged=[0]) == {10}


def test_what_a_rewind_brings_back_is_needed_too(snapshots):
    assert snapshots.needed(_progress(), _trackers(30, 40), judged=[0, 1]) == {10, 20, 30, 40}


def test_a_peak_on_the_way_does_not_hide_what_lies_behind_it(snapshots):
    assert snapshots.needed(_progress(peaks=(20, 30)), _trackers(30, 40), judged=[0, 1]) == {10, 20, 30, 40}


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


def test_all_that_a_mean_of_models_is_made_of_is_needed_and_no_more(snapshots):
    (two, one) = _trackers(40, 20)
    both = replace(two, leaders=(*two.leaders, *_trackers(10)[0].leaders))
    bare = {step: replace(snapshot, internals=None) for step, snapshot in snapshots.kept.items()}
    for step, snapshot in bare.items():
        snapshots.keep(step, snapshot)
    assert snapshots.needed(_progress(), [both, one], judged=[0]) == {10, 40}


def test_a_mean_of_models_is_that_of_their_parameters_and_leaves_them_alone():
    snapshots = Snapshots(nn.BatchNorm1d(1))
    for step, value in {10: 1.0, 20: 2.0, 30: 6.0}.items():
        model = nn.BatchNorm1d(1)
        model.load_state_dict({key: torch.full_like(tensor, value) for key, tensor in model.state_dict().items()})
        snapshots.keep(step, Snapshot(tensors={f"model.{key}": each for key, each in model.state_dict().items()}))
    for _ in range(2):
        mean = snapshots.mean([20, 10, 30])
        assert (mean.weight.item(), mean.running_mean.item()) == (3.0, 3.0)
        assert mean.num_batches_tracked.item() == 2  # a count: that of the first one
        assert snapshots.model(20).weight.item() == 2.0
