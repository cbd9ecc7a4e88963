"""Whole runs of a setup whose candidates of a query stay together."""

from dataclasses import replace

import pytest
import torch

from ray_mtlkd import setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.storage import Storage
from ray_mtlkd.training.run import train
from ray_mtlkd.training.settings import Distillation, Optimization
from ray_mtlkd.training.step.feed import feed
from ray_mtlkd.training.step.trainer import Trainer
from tests import rankings
from tests.rules import HASTY

ENCODER = BagOfNgrams(buckets=256, hidden=(8,))
TRAINING = Optimization(steps=60, batch_size=16, eval_every=5, lr=1e-2, finish="budget")


@pytest.fixture(scope="module", params=["listwise", "pairwise"])
def finder(request, tmp_path_factory):
    path = rankings.write(tmp_path_factory.mktemp("finder"), loss=request.param)
    return as_tensors(setups.featurise(setups.read(str(path), data_dir=None), ENCODER.features))


@pytest.fixture
def make(job, finder):
    def made(strategy="joint_kd", *, training=TRAINING):
        kd, convergence = Distillation(temperature=2.0), replace(HASTY, patience=3)
        return job(strategy, of=finder, encoder=ENCODER, training=training, kd=kd, convergence=convergence)

    return made


def _run(job, inline, folder, *, report=lambda _: None, every_s=60.0):
    storage = Storage.at(str(folder))
    outcome = train(job, relabel=inline, report=report, storage=storage, checkpoint_every_s=every_s)
    return replace(outcome, end=replace(outcome.end, wall_s=0.0, cpu_s=0.0))


@pytest.fixture(scope="module")
def whole(once, inline, tmp_path_factory):
    """The outcome of a job that nothing interrupts, which trains once for all tests."""
    return lambda job: once(job.fingerprint, lambda: _run(job, inline, tmp_path_factory.mktemp("whole")))


@pytest.mark.parametrize("strategy", ["joint_kd", "gradnorm", "single_task"])
def test_a_model_ranks_better_than_chance(make, finder, whole, strategy):
    outcome = whole(make(strategy))
    assert outcome.tasks[0].test > finder.tasks[0].trivial_test + 0.1
    assert (strategy == "joint_kd") == (outcome.tasks[0].relabelled_where is not None)


def test_a_killed_run_resumes_and_ends_with_the_same_outcome_bit_for_bit(make, whole, inline, tmp_path):
    class KilledError(Exception):
        pass

    def die(evaluation):
        if evaluation.step in {10, 15} and evaluation.step not in died:
            died.add(evaluation.step)
            raise KilledError

    died, outcome = set(), None
    while outcome is None:
        try:
            outcome = _run(make(), inline, tmp_path, report=die, every_s=0)
        except KilledError:
            torch.rand(3)
    assert died == {10, 15}
    assert outcome == whole(make())


def test_batches_hold_whole_queries_and_their_labels(finder):
    train = finder.tasks[0].train
    whole = {tuple(range(a, b)) for a, b in zip(train.groups[:-1].tolist(), train.groups[1:].tolist(), strict=True)}
    supply, seen = feed(finder, TRAINING, seed=1), set()
    for _ in range(60):
        (batch,) = supply.draw([0])
        (target,) = batch.targets
        parts = torch.split(target.labels, target.groups.diff().tolist())
        seen |= {tuple(part.tolist()) for part in parts}
        assert len(batch.inputs.overlap) == len(target.labels) < 16 + 7
        expected = train.inputs.overlap[train.row_ids[target.labels]]
        assert torch.equal(batch.inputs.overlap, expected)
    assert seen == whole


def test_a_batch_in_parts_makes_the_same_update(make):
    """But for rounding: the parts' losses are weighed by their queries."""
    still = replace(ENCODER, dropout=0.0)
    found = []
    for accumulation in (1, 3):
        made = make("sum", training=replace(TRAINING, accumulation=accumulation))
        architecture = replace(made.configuration.architecture, encoder=still)
        trainer = Trainer(replace(made, configuration=replace(made.configuration, architecture=architecture)))
        found.append(trainer.step([0, 1], soft={}, share=0.1).losses)
    assert found[1] == pytest.approx(found[0], rel=1e-5)
