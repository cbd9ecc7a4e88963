"""One trial in this process, with Ray's object store and Tune left out."""

from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
import ray
import torch
from ray import tune

from ray_mtlkd.predicted import read
from ray_mtlkd.sweep import archive
from ray_mtlkd.sweep import trial as trial_module
from ray_mtlkd.sweep.common_folder import Sight, sight_of
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.pulse import Pulse, PulseSettings
from ray_mtlkd.sweep.space import decode_space
from ray_mtlkd.sweep.trial import TrialContext, run_trial
from ray_mtlkd.sweep_folder import HEAD, SweepFolder
from ray_mtlkd.training.configuration import ConfigurationReader


@pytest.fixture
def plan(space_value, tmp_path, monkeypatch):
    """A strategy's first replicate, and what runs it and returns the last that Tune was told."""

    def planned(strategy, **changes):
        space = decode_space(space_value(strategies=[strategy]), where="x")
        prepared = prepare(space, data_dir=None, say=lambda _: None)
        trial = prepared.plan.replicates(prepared.plan.groups[0], 1)[0]
        told = []
        monkeypatch.setattr(ray, "get", lambda reference: reference)
        monkeypatch.setattr(tune, "report", told.append)
        monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
        monkeypatch.setattr(trial_module, "beating", lambda *_: nullcontext(Pulse(stalls=2, limit_s=600)))
        own = {"keep_models": "replicates", "keep_predictions": True, "shared": None, "cpus": 1, "gpus": 0.0}
        SweepFolder.at(str(tmp_path)).root.write(HEAD, b"what the driver wrote")
        context = TrialContext(
            sweep="x",
            sight=sight_of(str(tmp_path)),
            tables=prepared.tables,
            featurisers=prepared.featurisers,
            checkpoint_every_s=15.0,
            gradient_gb=4.0,
            **{**own, **changes},
        )

        def run():
            board = SimpleNamespace(context=SimpleNamespace(remote=lambda: context))
            run_trial({"name": trial.name, "trial": trial.dumps()}, PulseSettings(board=board, limit_s=600.0))
            return told[-1]

        return trial, run

    return planned


def test_a_trial_gives_signs_of_life_before_it_waits_for_anything(plan, monkeypatch):
    _, run = plan("sum")
    waits = []

    @contextmanager
    def begun(*_):
        waits.append("signs")
        yield Pulse(stalls=0, limit_s=600)
        waits.append("over")

    def told(name, whole):
        return lambda *of, **options: waits.append(name) or whole(*of, **options)

    monkeypatch.setattr(trial_module, "beating", begun)
    for module, name in ((PulseSettings, "context"), (Sight, "is_clear"), (ray, "get"), (tune, "report")):
        monkeypatch.setattr(module, name, told(name, getattr(module, name)))
    run()
    assert waits[0] == "signs"
    assert waits[-1] == "over"
    assert {"context", "is_clear", "get", "report"} <= set(waits)


def test_a_worker_decodes_its_trial_s_configuration_once(plan, tmp_path, monkeypatch):
    trial, run = plan("joint_kd")
    decoded, decode = [], ConfigurationReader.read
    monkeypatch.setattr(ConfigurationReader, "read", lambda *given: decoded.append(1) or decode(*given))
    assert run()["status"] == "ok"
    assert len(decoded) == 1
    assert archive.finished(SweepFolder.at(str(tmp_path))).keys() == {trial.name}


@pytest.mark.parametrize("strategy", ["sum", "single_task"])
def test_a_trial_s_predictions_are_one_file_with_all_its_tasks_and_give_its_metrics(plan, tmp_path, strategy):
    trial, run = plan(strategy)
    run()
    (record,) = (tmp_path / "records").iterdir()
    rows = pq.read_table(record).to_pylist()
    data = (tmp_path / "predictions" / f"{trial.name}.parquet").read_bytes()
    for split in ("valid", "test"):
        parts = list(read(data, expected=rows[0]["predictions"], split=split, where="x"))
        assert [part.task for part in parts] == [row["task"] for row in rows]
        assert [part.table for part in parts] == [0, 1, 2, 3, 4]
        for part, row in zip(parts, rows, strict=True):
            assert np.mean(part.likeliest[:, 0] == part.labels) == pytest.approx(row[split])


def test_records_say_how_often_the_trial_s_process_was_ended(plan, tmp_path):
    plan("sum")[1]()
    (record,) = (tmp_path / "records").iterdir()
    assert {row["stalls"] for row in pq.read_table(record).to_pylist()} == {2}


def test_predictions_that_nobody_wants_are_not_written(plan, tmp_path):
    plan("sum", keep_predictions=False, keep_models="none")[1]()
    (record,) = (tmp_path / "records").iterdir()
    assert set(pq.read_table(record)["predictions"].to_pylist()) == {None}
    assert not (tmp_path / "predictions").exists()


def test_a_worker_that_does_not_see_what_the_driver_wrote_leaves_the_trial_to_another(plan, tmp_path):
    _, run = plan("sum")
    (tmp_path / HEAD).write_bytes(b"of another sweep")
    with pytest.raises(OSError, match=str(tmp_path)):
        run()
    assert not (tmp_path / "records").exists()
