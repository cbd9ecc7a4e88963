"""Where bytes that others may have written come in: a sound sample of each, how to change it, and who reads it.

What is sealed is sealed again after a change, and what is named by its checksum is named by the new one: what is asked
is what a reader does with a file that was written to deceive it, not whether it notices damage.
"""

import hashlib
import importlib
import io
import json
import random
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import torch
import yaml

from ray_mtlkd import predicted, setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders.hf.encoder import PretrainedEncoder
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.predict.model_folder import load as load_model
from ray_mtlkd.predict.predictions import predict_table
from ray_mtlkd.predict.soft_files import read_soft_files
from ray_mtlkd.records import classical_to_table, to_table
from ray_mtlkd.report import classical, history
from ray_mtlkd.report.load import read as read_records
from ray_mtlkd.report.runs import group
from ray_mtlkd.seals import check_json, sealed_json, sealed_table
from ray_mtlkd.setups.cache import Entry
from ray_mtlkd.setups.files import FolderSource
from ray_mtlkd.setups.manifest_reader import parse_manifest
from ray_mtlkd.setups.tables import read_setup
from ray_mtlkd.storage import Storage
from ray_mtlkd.strategies import decode_strategy
from ray_mtlkd.sweep import archive, lock
from ray_mtlkd.sweep.content import SweepContent
from ray_mtlkd.sweep.output import create, new_head, read_head
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.space import read_space
from ray_mtlkd.sweep_folder import SweepFolder
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.evaluation.evaluate import predict_all
from ray_mtlkd.training.job import Job, SoftLabels
from ray_mtlkd.training.run import train
from ray_mtlkd.training.settings import Optimization
from ray_mtlkd.training.state.checkpoint import Checkpoints
from ray_mtlkd.training.step.model import model_for, outline
from ray_mtlkd.yaml_files import read_yaml
from tests.fuzz.mutants import (
    Mutate,
    changed_arrow,
    changed_bytes,
    changed_json,
    changed_parquet,
    changed_tensors,
)
from tests.keeping import TEXT_TASKS, keep_diverse, rows_of_diverse, text_setup
from tests.predictions import predicted as predicted_rows
from tests.report.conftest import classical_record, fake_trial
from tests.rules import HASTY
from tests.setup_files import write_fewer

Read = Callable[[bytes, Path], object]
"""Reads a changed file, in an empty folder of its own."""


@dataclass(frozen=True, kw_only=True)
class Door:
    """A reader.

    Attributes:
        samples: Sound files.
        changes: Each as likely.
        read: Whatever it raises but `MtlkdError`, alone or in groups, is a fault.
    """

    samples: Sequence[bytes]
    changes: Sequence[Mutate]
    read: Read

    def mutant(self, seed: int) -> bytes:
        """One changed file, the same for the same seed."""
        rng = random.Random(seed)
        return rng.choice(self.changes)(rng.choice(self.samples), rng)


def _parquet(table: pa.Table, **options: object) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def _sealed(parquet: bytes) -> bytes:
    with suppress(Exception):
        return sealed_table(parquet)
    return parquet


# records


def _records() -> Door:
    trial = fake_trial(setup="similar", strategy="joint_kd", seed=100)
    other = fake_trial(setup="similar", strategy="sum", seed=100)
    plain = [_parquet(to_table(each), use_dictionary=False, store_schema=False) for each in (trial, other)]
    sound = _sealed(plain[1])

    def read(data: bytes, folder: Path) -> None:
        (folder / "records").mkdir()
        (folder / "records" / "a.parquet").write_bytes(_sealed(data))
        (folder / "records" / "b.parquet").write_bytes(sound)
        archive.trials(SweepFolder.at(str(folder)), "setup", "strategy", "stage", "status", "score")
        archive.finished(SweepFolder.at(str(folder)))
        records = read_records([str(folder)])
        group(records.table)
        names = records.table["trial"].to_pylist()
        records.curves(names)
        records.matrices(names)
        rows = history.trials(records.table)
        history.searches(rows)
        history.failures(rows)

    return Door(samples=plain, changes=(changed_bytes, changed_parquet, changed_parquet), read=read)


def _classical() -> Door:
    samples = [_parquet(classical_to_table([classical_record("t0"), classical_record("t1")]))]

    def read(data: bytes, folder: Path) -> None:
        (folder / "records").mkdir()
        (folder / "classical.parquet").write_bytes(_sealed(data))
        classical.read([str(folder)])

    return Door(samples=samples, changes=(changed_bytes, changed_parquet), read=read)


def _predictions() -> Door:
    parts = [
        predicted_rows(
            "multiclass",
            "accuracy",
            [0, 1, 2],
            likeliest=np.array([[0, 1], [1, 2], [2, 3]], np.int32),
            probabilities=np.full((3, 2), 0.4, np.float16),
        ),
        predicted_rows("multilabel", "micro_f1", np.eye(3)[:, :2], outputs=np.ones((3, 2), np.float32), task="u"),
    ]
    samples = [predicted.to_bytes(parts)]

    def read(data: bytes, folder: Path) -> None:
        list(predicted.read(data, expected=predicted.checksum(data), split="test", where="f"))

    return Door(samples=samples, changes=(changed_bytes, changed_parquet), read=read)


# kept models


@cache
def _model() -> dict[str, bytes]:
    folder = Path(tempfile.mkdtemp())
    keep_diverse(folder)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _kept(name: str) -> Callable[[], Door]:
    def door() -> Door:
        files = _model()
        table = {task: rows.slice(0, 5) for task, rows in rows_of_diverse().items()}
        is_head = name == "model.json"
        sample = check_json(files[name]) if is_head else files[name]

        def read(data: bytes, folder: Path) -> None:
            head = data
            if not is_head:
                told = json.loads(check_json(files["model.json"]))
                told["files"][name] = hashlib.sha256(data).hexdigest()
                head = json.dumps(told).encode()
            for other, content in {**files, name: data}.items():
                (folder / other).write_bytes(content)
            (folder / "model.json").write_bytes(_sealed_json(head))
            kept = load_model(Storage.at(str(folder)))
            for task in kept.tasks:
                if task.name in table:
                    predict_table(kept, task.name, table[task.name], where="table")

        return Door(samples=[sample], changes=(changed_bytes, changed_json if is_head else changed_tensors), read=read)

    return door


def _sealed_json(data: bytes) -> bytes:
    with suppress(UnicodeDecodeError):
        return sealed_json(data.decode())
    return data


# checkpoints

_ROWS = 64
"""Of a split: soft labels of so many are a small file."""


@cache
def _job() -> Job:
    folder = Path(tempfile.mkdtemp())
    write_fewer("diverse", folder, tasks=("churn", "segment"), rows=_ROWS)
    raw = setups.read(str(folder / "fewer.yaml"), data_dir=None)
    tables, _ = setups.featurise_and_pack(raw, Mlp(hidden=(8,)).features)
    tables = as_tensors(tables)
    return Job(
        tables=tables,
        configuration=Configuration(
            strategy=decode_strategy({"curriculum": "joint_kd", "balancer": "gradnorm"}, where="strategy"),
            architecture=Architecture(encoder=Mlp(hidden=(8,))),
            training=Optimization(steps=40, batch_size=8, eval_every=2, lr=3e-1, finish="budget"),
            convergence=HASTY,
        ),
        seed=1,
    )


class _EndedError(Exception):
    pass


@cache
def _checkpoint() -> dict[str, bytes]:
    folder = Path(tempfile.mkdtemp())
    seen = iter(range(1000))

    def report(evaluation: object) -> None:
        if any(point.phase == "distilling" for point in evaluation.points) and next(seen) == 2:
            raise _EndedError

    def relabel(request: object) -> SoftLabels:
        outputs = predict_all(request.model, request.index, request.table.train)
        return SoftLabels(outputs=outputs, where="inline", why="a test")

    with suppress(_EndedError):
        train(_job(), relabel=relabel, report=report, storage=Storage.at(str(folder)), checkpoint_every_s=0)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _checkpointed(part: str) -> Callable[[], Door]:
    def door() -> Door:
        files = _checkpoint()
        name = next(each for each in files if each.startswith(part))
        is_head = part == "checkpoint"
        sample = check_json(files[name]) if is_head else files[name]
        change: Mutate = changed_json if is_head else changed_arrow if name.endswith(".arrow") else changed_tensors

        def read(data: bytes, folder: Path) -> None:
            head = data
            if not is_head:
                told = json.loads(check_json(files["checkpoint.json"]))
                for file in (told["live"], *told["snapshots"].values(), *told["soft"].values()):
                    if file["name"] == name:
                        file["sha256"] = hashlib.sha256(data).hexdigest()
                head = json.dumps(told).encode()
            for other, content in {**files, name: data}.items():
                (folder / other).write_bytes(content)
            (folder / "checkpoint.json").write_bytes(_sealed_json(head))
            found = Checkpoints(Storage.at(str(folder)), job=_job().fingerprint).load()
            for soft in found.soft.values():
                soft.take(torch.arange(min(3, len(soft))))

        return Door(samples=[sample], changes=(changed_bytes, change), read=read)

    return door


# the folder of a sweep


def _head() -> Door:
    content = SweepContent(
        settings={"search.seeds": [1], "a": 0.5}, strategies={"sum": {"lr": 1e-3}}, setups={"s": {"tables.t": "x"}}
    )
    folder = Path(tempfile.mkdtemp())
    create(SweepFolder.at(str(folder)), new_head("first", content), files={})
    sample = check_json((folder / "sweep.json").read_bytes())

    def read(data: bytes, folder: Path) -> None:
        (folder / "sweep.json").write_bytes(_sealed_json(data))
        sweep = SweepFolder.at(str(folder))
        with suppress(MtlkdError):
            sweep.described("space.yaml")
        read_head(sweep)

    return Door(samples=[sample], changes=(changed_bytes, changed_json), read=read)


def _driver() -> Door:
    sample = json.dumps(
        {"name": "ab12", "host": "h", "machine": "m", "pid": 5, "started": "s", "beat": 3, "over": ["x"]}
    ).encode()

    def read(data: bytes, folder: Path) -> None:
        (folder / "driver-ab12.json").write_bytes(_sealed_json(data))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(lock, "BEAT_S", 0)  # it waits for one that is being written
            lock.drivers(SweepFolder.at(str(folder)))

    return Door(samples=[sample], changes=(changed_bytes, changed_json), read=read)


def _cache() -> Door:
    folder = Path(tempfile.mkdtemp())
    Entry(folder / "e.arrow").write({"a": [1, "b"]}, {"x": np.arange(6.0).reshape(2, 3), "y": np.arange(4)})
    sample = (folder / "e.arrow").read_bytes()

    def read(data: bytes, folder: Path) -> None:
        (folder / "e.arrow").write_bytes(data)
        found = Entry(folder / "e.arrow").read()
        if found is not None:
            [array.tobytes() for array in found.arrays.values()]

    return Door(samples=[sample], changes=(changed_bytes, changed_arrow), read=read)


# users' files

_TABLE = pa.table(
    {
        "text": ["pay now", "hello you", "oh, PAY\n12", "", None, "zebra ünd"],
        "size": [1.5, None, -3.0, 1e9, 0.0, 2.0],
        "shop": pa.array(["a", "b", "a", "b", "a", "c"]).dictionary_encode(),
        "when": pa.array([0, 1, 2, 3, 4, 5], pa.int32()),
        "label": ["x", "y", "x", "y", "x", "y"],
        "tags": [["p"], [], ["p", "q"], ["q"], ["p"], []],
        "vector": [[1.0, 2.0], [0.0, 1.0], [3.0, 1.0], [1.0, 1.0], [0.5, 0.5], [2.0, 0.0]],
    }
)
_MANIFEST = {
    "name": "shop",
    "tasks": {
        "intent": {"kind": "multiclass", "data": "d", "metric": "accuracy", "text": ["text"], "label": "label"},
        "spend": {
            "kind": "regression",
            "data": "d",
            "metric": "rmse",
            "columns": {"numeric": ["size"], "categorical": ["shop"]},
            "label": "when",
        },
        "marks": {"kind": "multilabel", "data": "d", "metric": "micro_f1", "vector": "vector", "label": "tags"},
    },
}


def _table(ending: str, samples: Sequence[bytes], *changes: Mutate) -> Door:
    sound = _parquet(_TABLE)
    flat = ending == ".csv"
    tasks = {name: task for name, task in _MANIFEST["tasks"].items() if not flat or name != "marks"}
    manifest = parse_manifest({**_MANIFEST, "tasks": tasks}, where="shop.yaml")

    def read(data: bytes, folder: Path) -> None:
        (folder / "d").mkdir()
        (folder / "d" / f"train{ending}").write_bytes(data)
        for split in ("valid", "test"):
            (folder / "d" / f"{split}.parquet").write_bytes(sound)
        read_setup(manifest, FolderSource(folder))

    return Door(samples=samples, changes=changes, read=read)


def _arrow_samples() -> list[bytes]:
    found = []
    for compression in (None, "zstd"):
        sink = io.BytesIO()
        with pa.ipc.new_file(sink, _TABLE.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
            writer.write_table(_TABLE)
        found.append(sink.getvalue())
    return found


def _csv_sample() -> bytes:
    sink = io.BytesIO()
    pa.csv.write_csv(
        _TABLE.drop(["tags", "vector"]).cast(
            pa.schema(
                [
                    ("text", pa.string()),
                    ("size", pa.float64()),
                    ("shop", pa.string()),
                    ("when", pa.int32()),
                    ("label", pa.string()),
                ]
            )
        ),
        sink,
    )
    return sink.getvalue()


def _soft() -> Door:
    task = Task(name="which", kind="multiclass", metric="accuracy", classes=("a", "b", "c"))
    about = {b"ray_mtlkd": json.dumps({"kind": "multiclass", "classes": ["a", "b", "c"]}).encode()}
    rows = {"row": [0, 1, 2], "logits": [[1.0, 2.0, 3.0], [0.0, 1.0, 0.0], [5.0, 1.0, 2.0]]}
    few = {"logits": [[1.0, 2.0], [0.0, 1.0], [5.0, 1.0]], "classes": [[0, 1], [2, 1], [1, 0]]}
    samples = [_parquet(pa.table(each).replace_schema_metadata(about)) for each in (rows, few)]

    def read(data: bytes, folder: Path) -> None:
        (folder / "a.parquet").write_bytes(data)
        read_soft_files(Storage.at(str(folder)), task, rows=3)

    return Door(samples=samples, changes=(changed_bytes, changed_parquet), read=read)


def _encoder(name: str) -> Callable[[], Door]:
    def door() -> Door:
        pretrained = importlib.import_module("tests.pretrained")  # skips where transformers is not installed
        kept = Path(tempfile.mkdtemp())
        pretrained.save(kept)
        files = {path.name: path.read_bytes() for path in kept.iterdir()}

        raw = text_setup(TEXT_TASKS)

        def read(data: bytes, folder: Path) -> None:
            for other, content in {**files, name: data}.items():
                (folder / other).write_bytes(content)
            encoder = PretrainedEncoder(path=str(folder), max_length=16)
            tables = as_tensors(setups.featurise(raw, encoder.features)).tasks
            architecture = Architecture(encoder=encoder)
            outline(architecture, tables, where="encoder")
            model_for(architecture, tables)

        change = changed_tensors if name.endswith(".safetensors") else changed_json
        return Door(samples=[files[name]], changes=(changed_bytes, change), read=read)

    return door


def _changed_yaml(data: bytes, rng: random.Random) -> bytes:
    changed = changed_json(json.dumps(yaml.safe_load(data)).encode(), rng)
    return yaml.safe_dump(json.loads(changed), sort_keys=False).encode()


_FEW = 3
_SMALL = {
    "name": "small",
    "encoder": {
        "name": "mixed",
        **{part: {"name": name} for part, name in (("text", "bag"), ("columns", "mlp"), ("vector", "mlp"))},
    },
    "training": {"steps": 4, "batch_size": 2, "eval_every": 2},
    "strategies": ["sum", "joint_kd"],
    "search": {"configurations": 1},
}


def _lay_tables(folder: Path) -> None:
    (folder / "d").mkdir()
    for split in ("train", "valid", "test"):
        (folder / "d" / f"{split}.parquet").write_bytes(_parquet(_TABLE.take([0, 1, 2, 3, 5])))


def _space() -> Door:
    folder = Path(__file__).parents[2] / "search_spaces"
    samples = [(folder / f"{name}.yaml").read_bytes() for name in ("quickstart", "census", "distillation")]
    columns = {name: _MANIFEST["tasks"][name] for name in ("spend", "marks")}  # encoders there are of columns

    def read(data: bytes, folder: Path) -> None:
        (folder / "space.yaml").write_bytes(data)
        space = read_space(folder / "space.yaml")
        _lay_tables(folder)
        (folder / "shop.yaml").write_text(json.dumps({**_MANIFEST, "tasks": columns}))
        few = replace(space.search, configurations=min(space.search.configurations, 4), sampler="spread")
        strategies = space.strategies[:_FEW]
        prepare(replace(space, setups=(str(folder / "shop.yaml"),), strategies=strategies, search=few), compute=False)

    return Door(samples=samples, changes=(changed_bytes, _changed_yaml), read=read)


def _manifest() -> Door:
    samples = [yaml.safe_dump(_MANIFEST, sort_keys=False).encode()]

    def read(data: bytes, folder: Path) -> None:
        (folder / "shop.yaml").write_bytes(data)
        parse_manifest(read_yaml(folder / "shop.yaml"), where="shop.yaml")
        _lay_tables(folder)
        (folder / "space.yaml").write_text(json.dumps({**_SMALL, "setups": ["shop.yaml"]}))
        prepare(read_space(folder / "space.yaml"), compute=False)

    return Door(samples=samples, changes=(changed_bytes, _changed_yaml), read=read)


DOORS: dict[str, Callable[[], Door]] = {
    "records": _records,
    "classical models": _classical,
    "predictions": _predictions,
    "model head": _kept("model.json"),
    "model parameters": _kept("model.safetensors"),
    "model features": _kept("features.safetensors"),
    "checkpoint head": _checkpointed("checkpoint"),
    "checkpoint live": _checkpointed("live"),
    "checkpoint soft labels": _checkpointed("soft"),
    "sweep head": _head,
    "driver": _driver,
    "cache": _cache,
    "Arrow table": lambda: _table(".arrow", _arrow_samples(), changed_bytes, changed_arrow),
    "Parquet table": lambda: _table(
        ".parquet", [_parquet(_TABLE), _parquet(_TABLE, compression="zstd")], changed_bytes, changed_parquet
    ),
    "CSV table": lambda: _table(".csv", [_csv_sample()], changed_bytes),
    "soft labels": _soft,
    "encoder config": _encoder("config.json"),
    "encoder tokenizer": _encoder("tokenizer.json"),
    "encoder weights": _encoder("model.safetensors"),
    "search space": _space,
    "manifest": _manifest,
}
"""By what they read."""
