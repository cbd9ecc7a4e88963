"""Kept models whose parameters are as they were drawn, data sets that they can read, and outputs."""

import functools
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from ray_mtlkd import setups
from ray_mtlkd.data.examples import as_tensors, unlabelled
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.predict.dataset.work import Worker, finish
from ray_mtlkd.predict.model_folder import Origin, load, save
from ray_mtlkd.setups.files import MemorySource
from ray_mtlkd.setups.manifest_reader import parse_manifest
from ray_mtlkd.setups.tables import read_setup
from ray_mtlkd.storage import Storage
from ray_mtlkd.strategies import decode_strategy
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.evaluation.evaluate import predict_all
from ray_mtlkd.training.job import Chosen, Job
from ray_mtlkd.training.step.model import model_for

WORDS = ("pay now", "hello you", "pay 12-b", "hello", "oh PAY", "zebra zebra ünd")


@dataclass(frozen=True)
class Kept:
    """A kept model's folder."""

    folder: Path

    @property
    def uri(self):
        return str(self.folder)

    def predicted(self, task, table):
        """What the model says of a table, without all that is tested here."""
        kept = load(Storage.at(self.uri))
        featuriser = kept.featurisers[task]
        inputs = featuriser.transform(setups.check_inputs(table, featuriser.rules, where="table").columns)
        return predict_all(kept.model, kept.index(task), unlabelled(inputs, table.num_rows))


def keep_model(raw, encoder, folder, seed=5):
    tables, packed = setups.featurise_and_pack(raw, encoder.features)
    torch.manual_seed(seed)
    job = Job(
        tables=as_tensors(tables),
        configuration=Configuration(
            strategy=decode_strategy("sum", where="strategy"), architecture=Architecture(encoder=encoder)
        ),
        seed=seed,
    )
    origin = Origin(
        sweep="s", setup=raw.manifest.name, trial="t", strategy="sum", stage="replicate", seed=seed, step=1, score=0.5
    )
    model = model_for(Architecture(encoder=encoder), job.tables.tasks)
    chosen = Chosen(job=job, model=model, step=1, score=0.5)
    save(Storage.at(str(folder)), chosen, featurisers=packed, origin=origin)
    return Kept(folder)


def text_table(rows):
    texts = [WORDS[at % len(WORDS)] + " " + "x" * (at % 7) for at in range(rows)]
    return pa.table(
        {
            "text": texts,
            "other": texts[::-1],
            "words": [text.split() for text in texts],
            "label": [str(at % 3) for at in range(rows)],
            "same": [at % 2 for at in range(rows)],
            "tags": [["B-X"] + ["O"] * (len(text.split()) - 1) for text in texts],
        }
    )


TEXT_TASKS = {
    "intent": {"kind": "multiclass", "metric": "accuracy", "text": ["text"], "label": "label"},
    "match": {"kind": "binary", "metric": "f1", "pair": ["text", "other"], "label": "same"},
}
TAG_TASKS = {**TEXT_TASKS, "names": {"kind": "tagging", "metric": "span_f1", "tokens": "words", "label": "tags"}}


def text_setup(tasks):
    """A setup of tasks that read texts."""
    tasks = {name: {"data": "d", **spec} for name, spec in tasks.items()}
    manifest = parse_manifest({"name": "shop", "tasks": tasks}, where="shop.yaml")
    table = text_table(24)
    return read_setup(manifest, MemorySource("shop", {"d": dict.fromkeys(("train", "valid", "test"), table)}))


def relabel_alone(work):
    """Does all parts that are left in this process."""
    worker = Worker(work.lean)
    finish(work, [worker.do(part) for part in work.left])


def keep_diverse(folder, seed=5):
    """A model of five tasks of five kinds, over vectors."""
    return keep_model(setups.read("diverse", data_dir=None), Mlp(hidden=(8,)), folder, seed=seed)


@functools.cache
def rows_of_diverse():
    """Columns that the model of five kinds reads, by task: many rows of each."""
    raw = setups.read("diverse", data_dir=None)
    return {task.task.name: pa.concat_tables([part.inputs for part in task.splits.values()] * 2) for task in raw.tasks}


def write_data_set(folder, table, sizes):
    """Writes a table as several files, of that many rows each."""
    folder.mkdir()
    start = 0
    for at, size in enumerate(sizes):
        pq.write_table(table.slice(start, size), folder / f"{at:02}.parquet", row_group_size=1500)
        start += size
    return folder


def labels_in(folder):
    """All parts of an output, one below the other."""
    return pa.concat_tables([pq.read_table(path) for path in sorted(Path(folder).glob("*.parquet"))])


def content_of(folder):
    """Every byte of an output, by file."""
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}
