"""One trial in this process, with Ray's object store and Tune left out."""

import ray
import torch
from ray import tune

from ray_mtlkd.sweep import archive
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.space import decode_space
from ray_mtlkd.sweep.trial import TrialContext, run_trial
from ray_mtlkd.sweep_folder import SweepFolder
from ray_mtlkd.training.configuration import ConfigurationReader


def test_a_worker_decodes_its_trial_s_configuration_once(space_value, tmp_path, monkeypatch):
    prepared = prepare(decode_space(space_value(strategies=["joint_kd"]), where="x"), data_dir=None, say=lambda _: None)
    trial = prepared.plan.replicates(prepared.plan.groups[0], 1)[0]
    told, decoded, read = [], [], ConfigurationReader.read
    monkeypatch.setattr(ray, "get", lambda reference: reference)
    monkeypatch.setattr(tune, "report", told.append)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    monkeypatch.setattr(
        ConfigurationReader, "read", lambda *given, **places: decoded.append(1) or read(*given, **places)
    )
    context = TrialContext(
        sweep="x",
        uri=str(tmp_path),
        tables=prepared.tables,
        featurisers=prepared.featurisers,
        keep_models="replicates",
        shared=None,
        cpus=1,
        gpus=0.0,
        checkpoint_every_s=15.0,
    )
    run_trial({"name": trial.name, "trial": trial.dumps()}, context)
    assert len(decoded) == 1
    assert told[-1]["status"] == "ok"
    assert archive.finished(SweepFolder.at(str(tmp_path))).keys() == {trial.name}
