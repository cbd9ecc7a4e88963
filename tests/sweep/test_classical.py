import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import ray

from ray_mtlkd import classical, setups
from ray_mtlkd.classical.measure import Measured
from ray_mtlkd.sweep.classical import computing


class Trial:
    """Holds a CPU."""

    def ready(self):
        """Whether it does."""
        return True


@pytest.fixture
def raws():
    """A sound setup of one task, one with a task that cannot be learnt, and one that a defect ends."""
    whole = setups.read("similar", data_dir=None)
    sound = replace(whole, tasks=whole.tasks[:1])
    broken = {split: replace(part, labels=part.labels[:-1]) for split, part in whole.tasks[0].splits.items()}
    partly = replace(
        whole,
        manifest=replace(whole.manifest, name="partly"),
        tasks=(replace(whole.tasks[0], splits=broken), whole.tasks[1]),
    )
    defect = replace(
        whole, manifest=replace(whole.manifest, name="defect"), tasks=(replace(whole.tasks[0], spec=None),)
    )
    return [sound, partly, defect]


@pytest.mark.ray
@pytest.mark.usefixtures("cluster")
def test_baselines_wait_for_trials_that_hold_every_cpu_and_their_failures_are_only_said(raws, tmp_path):
    trial, said = ray.remote(num_cpus=ray.cluster_resources()["CPU"])(Trial).remote(), []
    ray.get(trial.ready.remote())
    with computing(raws, str(tmp_path), say=said.append):
        time.sleep(2)
        assert not (tmp_path / "classical").exists()
        ray.kill(trial)
    assert sorted(path.name for path in (tmp_path / "classical").iterdir()) == ["partly.parquet", "similar.parquet"]
    assert any(line.startswith("the trials are done; waiting for the classical models of similar") for line in said)
    assert any(line.startswith("warning: partly has no classical model for every task: ") for line in said)
    assert any(line.startswith("warning: no classical models of defect: ") for line in said)


def test_what_the_cache_holds_is_written_without_ray(tmp_path, monkeypatch):
    monkeypatch.setenv("MTLKD_CACHE", str(tmp_path / "cache"))
    whole = setups.read("similar", data_dir=None)
    raw = type(whole)(whole.manifest, whole.tasks[:1], ())
    measured = Measured(model="gradient boosting", valid=0.5, test=0.5, cpu_s=1.0)
    monkeypatch.setattr(classical, "_measure", SimpleNamespace(measure=lambda *_: measured))
    classical.remember(classical.compute(raw, say=lambda _: None), say=lambda _: None)
    said = []
    with computing([raw], str(tmp_path / "out"), say=said.append):
        assert (tmp_path / "out" / "classical" / "similar.parquet").exists()
    assert said == []
