"""What is told of GPUs and disks before Ray starts."""

import dataclasses

import pytest
import torch

from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.predict.model_folder import Origin, save
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep.machine import check_gpus, disk_needs, whole_gpus
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.space import decode_space
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.run import train
from tests.setup_files import write_fewer


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([], 0),
        ([0.0, 0.0], 0),
        ([0.5, 0.5], 1),
        ([0.1] * 10, 1),
        ([1 / 3] * 3, 1),
        ([0.6, 0.6], 2),
        ([0.8, 0.6, 0.6], 3),
        ([0.4, 0.6, 0.6, 0.4], 2),
        ([2.0, 0.5], 3),
        ([1.0, 1.0], 2),
    ],
)
def test_no_process_gets_parts_of_two_gpus(shares, expected):
    assert whole_gpus(shares) == expected


@pytest.fixture
def prepared(space_value, tmp_path):
    """A sweep on two small tables whose model is large beside what files say of it."""
    write_fewer("similar", tmp_path, tasks=["small", "large"], rows=60)

    def make(**changed):
        encoder = {"name": "mlp", "hidden": [512, 256]}
        value = space_value(setups=[str(tmp_path / "fewer.yaml")], encoder=encoder, **changed)
        return prepare(decode_space(value, where="space.yaml"))

    return make


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"resources": {"gpus": 1}}, "resources.gpus"),
        ({"relabel": {"where": "shared", "gpus_per_actor": 0.6}}, "relabel.gpus_per_actor"),
    ],
)
def test_gpus_that_are_not_here_are_an_error_unless_ray_is_elsewhere(prepared, monkeypatch, changed, where, refused):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    found = prepared(**changed)
    with refused() as caught:
        check_gpus(found)
    assert caught.value.where == where
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    check_gpus(found)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    check_gpus(found)


@pytest.mark.parametrize("strategy", ["sum", "single_task"])
def test_what_is_foretold_of_the_disk_is_what_a_trial_leaves(prepared, strategy, tmp_path):
    found = prepared(strategies=[strategy], resources={"cpus": 999})
    (key,) = found.tables
    models, checkpoints = tmp_path / "models", tmp_path / "checkpoints"
    origin = Origin(
        sweep="s", setup="similar", trial="t", strategy=strategy, stage="replicate", seed=1, step=1, score=0.5
    )

    def keep(chosen):
        place = Storage.at(str(models / (chosen.own or "all")))
        save(place, chosen, featurisers=found.featurisers[key], origin=origin)

    job = Job(tables=as_tensors(found.tables[key]), configuration=next(found.plan.distinct()).configuration, seed=1)
    kept = Storage.at(str(checkpoints))
    train(job, relabel=_nobody, report=lambda _: None, storage=kept, checkpoint_every_s=0.0, keep=keep)
    needs = disk_needs(found)
    written = _bytes(models) * 2  # two seeds of one configuration
    assert 0.9 * written < needs.models < 1.1 * written  # beside tensors, files hold names and descriptions
    assert 0.2 * needs.checkpoints < _bytes(checkpoints) < 1.2 * needs.checkpoints  # not all peaks are apart
    none = dataclasses.replace(found.space.resources, keep_models="none", keep_predictions=False)
    less = disk_needs(dataclasses.replace(found, space=dataclasses.replace(found.space, resources=none)))
    assert (less.models, less.predictions, less.checkpoints) == (0, 0, needs.checkpoints)


def test_soft_labels_lie_beside_checkpoints(prepared):
    plain, taught = (disk_needs(prepared(strategies=[name], resources={"cpus": 999})) for name in ("sum", "joint_kd"))
    assert taught.checkpoints > plain.checkpoints


def _nobody(request):
    raise AssertionError(request)


def _bytes(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
