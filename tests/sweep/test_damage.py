"""Every sort of file of a sweep with changed bits: it is refused by its name, or what is read is what was written.

One small sweep is run for all of them.
"""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ray_mtlkd import predicted, setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.predict.model_folder import load_model
from ray_mtlkd.report import classical, load, next_seeds
from ray_mtlkd.sweep import archive, lock, output
from ray_mtlkd.sweep.plan import Plan
from ray_mtlkd.sweep.portable import space_of
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.space import read_space
from ray_mtlkd.sweep_folder import SweepFolder
from ray_mtlkd.training.evaluation.evaluate import predict_all
from ray_mtlkd.training.job import Job, Ladder, SoftLabels
from ray_mtlkd.training.run import train
from ray_mtlkd.training.state.checkpoint import Checkpoints
from tests.keeping import TEXT_TASKS, text_setup
from tests.setup_files import write_fewer

pytestmark = pytest.mark.ray

FLIPS = 300
SPACE = """
name: small
setups: [fewer.yaml]
encoder: {name: mlp, hidden: [8]}
training: {steps: 40, batch_size: 16, eval_every: 4, lr: {grid: [6e-3, 12e-3]}}
convergence: {patience: 1, patience_epochs: 0, min_epochs: 0, smoothing: 1, noise: 0}
strategies: [joint_kd, pcgrad]
search: {configurations: 2}
replicate: {configurations: 1, seeds: [1, 2]}
report: {margin: 0.25}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("damage")


@pytest.fixture(scope="module")
def sweep(folder, here):
    """A sweep that has ended and was reported, and the file of a driver that lives."""
    write_fewer("similar", folder, tasks=("tiny_noisy", "small"), rows=200)
    (folder / "space.yaml").write_text(SPACE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTLKD_CACHE", "")
        done = here("sweep", folder / "space.yaml", "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    found = SweepFolder.at(str(folder / "out"))
    with lock.Lock(found, say=pytest.fail) as held:
        held.take()
        (name,) = (name for name in found.root.names() if name.startswith("driver-"))
        data = found.root.read(name)
    found.root.write(name, data)
    return found


def _plain(value):
    """What tells a value from another one."""
    if isinstance(value, pa.Table):
        return [value.schema.to_string(), value.to_pylist()]
    return value


def _records(folder):
    records = load.read([folder.uri])
    trials = set(records.table["trial"].to_pylist())
    return [records.table, records.curves(trials), records.matrices(trials)]


def _record_readers(folder):
    """Those that go on from it, and the report."""
    return {
        "archive": lambda: [archive.finished(folder), list(archive.read_trials(folder))],
        "report": lambda: [_plain(table) for table in _records(folder)],
    }


def _classical(folder):
    found = classical.read([folder.uri])
    if found.warnings:  # that it was left out
        raise MtlkdError(found.warnings[0], where="report", fix="")
    return found.records


def _alone(sweep, folder, *, merged):
    """A sweep's folder with one file of records, so that it is read quickly."""
    alone = SweepFolder.at(str(folder))
    alone.root.write("sweep.json", sweep.root.read("sweep.json"))
    shutil.copytree(sweep.records.root, alone.records.root)
    if merged:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(archive, "BLOCK", len(alone.records.names()))
            archive.merge(alone)
    names = alone.records.names()
    for name in names[1:]:
        alone.records.delete(name)
    return alone, Path(alone.records.root) / names[0]


def _described(folder):
    with space_of(folder) as path:
        return output.read_head(folder), path.read_bytes(), next_seeds.margin([folder.uri])


def _checkpoint(sweep):
    """What reads a trial's checkpoint that it went to some steps after its first relabel, and its files."""
    with space_of(sweep) as path:
        space = read_space(path)
        prepared = prepare(space, data_dir=None, say=lambda _: None)
    plan: Plan = prepared.plan
    trial = plan.replicates(plan.groups[0], 0)[0]
    tables = as_tensors(prepared.of(trial))
    job = Job(tables=tables, configuration=trial.configuration, seed=1)
    storage = sweep.checkpoints("half")

    def inline(request):
        return SoftLabels(
            outputs=predict_all(request.model, request.index, request.table.train), where="inline", why="a test"
        )

    train(
        job,
        relabel=inline,
        report=lambda _: None,
        storage=storage,
        checkpoint_every_s=0,
        ladder=Ladder(rungs=(0.9,), until=0.9),
    )

    def read():
        found = Checkpoints(storage, job=job.fingerprint).load()
        return pickle.dumps((found.progress, {key: tensor.numpy() for key, tensor in found.live.tensors.items()}))

    return read, {path.name.partition("-")[0].partition(".")[0]: path for path in Path(storage.root).iterdir()}


def _files(sweep, folder):
    """Every sort of file: one of them, and what reads it."""
    out = Path(sweep.root.root)
    found = {}
    for sort, merged in (("record", False), ("merged record", True)):
        alone, path = _alone(sweep, folder / sort.replace(" ", "-"), merged=merged)
        found |= {f"{sort}, {reader}": (path, read) for reader, read in _record_readers(alone).items()}
    for name in ("space.yaml", "sweep.json", "manifests/fewer.yaml"):
        found[name] = out / name, lambda: _described(sweep)
    found["classical"] = out / "classical/fewer.parquet", lambda: _classical(sweep)
    (driver,) = out.glob("driver-*.json")
    found["driver"] = driver, lambda: lock.drivers(sweep)
    found["predictions"] = _predictions(sweep)
    best = out / "models/best/fewer"
    model = Path(load_model(best).uri)
    found["best model"] = best, lambda: load_model(best).uri
    for path in model.iterdir():
        found[f"model: {path.name}"] = path, lambda: load_model(model)
    read, files = _checkpoint(sweep)
    for sort, path in files.items():
        found[f"checkpoint: {sort}"] = path, read
    found["cache"] = _cached(folder / "cache")
    return found


def _predictions(sweep):
    digests = {trial: row["predictions"] for trial, row in archive.trials(sweep, "predictions").items()}
    trial, digest = next((trial, digest) for trial, digest in digests.items() if digest)
    path = Path(sweep.predictions.root) / f"{trial}.parquet"
    return path, lambda: list(predicted.read(path.read_bytes(), expected=digest, split="test", where=str(path)))


def _cached(folder):
    """Features in the cache: made again where they are damaged."""
    setup, features = text_setup(TEXT_TASKS), BagOfNgrams(hidden=(4,), buckets=64).features

    def read():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MTLKD_CACHE", str(folder))
            return setups.featurise(setup, features).fingerprint

    read()
    (entry,) = (path for path in folder.rglob("*") if path.is_file())
    return entry, read


def _is_same(first, second):
    return pickle.dumps(first) == pickle.dumps(second) or repr(first) == repr(second)


def test_no_changed_bit_of_any_file_of_a_sweep_is_read_without_a_word(sweep, folder, monkeypatch):
    monkeypatch.setattr(lock, "BEAT_S", 0.0)
    silent, refused = [], {}
    files = _files(sweep, folder)
    assert {"live", "snapshot", "soft", "checkpoint"} <= {
        sort.partition(": ")[2] for sort in files if sort.startswith("checkpoint")
    }
    for sort, (path, read) in files.items():
        data, before = path.read_bytes(), read()
        refused[sort] = 0
        for bit in np.random.default_rng(0).integers(8 * len(data), size=FLIPS):
            changed = bytearray(data)
            changed[bit // 8] ^= 1 << bit % 8
            path.write_bytes(changed)
            try:
                found = read()
            except MtlkdError as error:
                refused[sort] += path.name in f"{error.where} {error.what}"
            else:
                silent += [] if sort == "cache" and found == before else [(sort, int(bit), _is_same(found, before))]
        path.write_bytes(data)
    assert silent == []
    assert refused == {sort: 0 if sort == "cache" else FLIPS for sort in files}
