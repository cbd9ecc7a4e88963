"""What it takes to relabel a data set of four times Ray's object store: by one actor and by two, in rows and in memory.

The rows are texts of some hundred words, which a model over n-grams reads; the data set is relabelled as the command
does it, from Parquet to Parquet. Every actor says how much memory it took beyond what it had before its first part.
"""

import argparse
import logging
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import ray
import torch

from benchmarks.record import Row, machine, save
from ray_mtlkd import setups
from ray_mtlkd.cluster.actor_pool import Pool
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.predict import model_folder
from ray_mtlkd.predict.dataset.labelling import plan
from ray_mtlkd.predict.dataset.labels import Settings
from ray_mtlkd.predict.dataset.pool import compute
from ray_mtlkd.predict.dataset.work import Done
from ray_mtlkd.setups.files import MemorySource
from ray_mtlkd.setups.manifest_reader import parse_manifest
from ray_mtlkd.setups.tables import read_setup
from ray_mtlkd.storage import Storage
from ray_mtlkd.strategies import decode_strategy
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.job import Chosen, Job

STORE_BYTES = 80 * 2**20
"""About the least that Ray starts with."""

WORDS, VOCABULARY, CLASSES, TRAIN_ROWS = 200, 50_000, 20, 2_000
LARGER, FILES, PARTS = 4, 4, 16
MEMORY_GOAL = 0.5


@dataclass(frozen=True, kw_only=True)
class Run:
    """One relabelling: wall seconds, from the first part on too, and each part's worker."""

    rows: int
    seconds: float
    first_s: float
    done: tuple[Done, ...]

    @property
    def steady(self) -> float:
        """Rows a second between the first part and the last one."""
        rows = sum(each.written.rows for each in self.done[1:] if each.written is not None)
        return rows / (self.seconds - self.first_s)


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run: a tenth of the object store")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    os.environ.setdefault("RAY_worker_niceness", "0")  # see benchmarks.relabel
    started = machine()
    size = STORE_BYTES // 10 if quick else LARGER * STORE_BYTES
    folder = Path(tempfile.mkdtemp())
    try:
        rng = np.random.default_rng(0)
        write_model(folder / "model", rng)
        rows, on_disk = write_data_set(folder / "data", size, rng)
        ray.init(
            address="local",
            object_store_memory=STORE_BYTES,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        runs = {actors: run(folder, actors=actors, rows_per_part=rows // PARTS) for actors in (1, 2)}
        ray.shutdown()
    finally:
        shutil.rmtree(folder)
    found = report(runs, bytes_read=on_disk)
    settings = {"quick": quick, "rows": rows, "bytes": on_disk, "object_store_bytes": STORE_BYTES, "words": WORDS}
    save("dataset", found, settings=settings, started=started)


def texts(rows: int, rng: np.random.Generator) -> pa.Array:
    """Texts whose words are as frequent as those of a language."""
    words = np.array([f"w{number:x}" for number in range(VOCABULARY)])
    drawn = words[np.minimum(rng.zipf(1.2, (rows, WORDS)) - 1, VOCABULARY - 1)]
    return pa.array([" ".join(row) for row in drawn])


def write_model(folder: Path, rng: np.random.Generator) -> None:
    """A model as a sweep keeps it; its parameters are as they were drawn."""
    task = {"kind": "multiclass", "data": "d", "text": ["text"], "label": "label", "metric": "accuracy"}
    manifest = parse_manifest({"name": "texts", "tasks": {"topic": task}}, where="texts.yaml")
    table = pa.table({"text": texts(TRAIN_ROWS, rng), "label": np.arange(TRAIN_ROWS) % CLASSES})
    raw = read_setup(manifest, MemorySource("texts", {"d": {"train": table, "valid": table, "test": table}}))
    encoder = BagOfNgrams()
    tables, packed = setups.featurise_and_pack(raw, encoder.features)
    configuration = Configuration(
        strategy=decode_strategy("sum", where="strategy"), architecture=Architecture(encoder=encoder)
    )
    model = build(Architecture(encoder=encoder), [(each.task, each.layout) for each in tables.tasks])
    job = Job(tables=as_tensors(tables), configuration=configuration, seed=0)
    origin = model_folder.Origin(
        sweep="s", setup="texts", trial="t", strategy="sum", stage="replicate", seed=0, step=0, score=0.0
    )
    chosen = Chosen(job=job, model=model, step=0, score=0.0)
    model_folder.save(Storage.at(str(folder)), chosen, featurisers=packed, origin=origin)


def write_data_set(folder: Path, size: int, rng: np.random.Generator) -> tuple[int, int]:
    """Files of uncompressed text of about so many bytes; their rows and bytes."""
    folder.mkdir()
    some = texts(1_000, rng)
    rows = int(size / (some.nbytes / len(some)) / FILES)
    for at in range(FILES):
        # a few thousand distinct texts, each with words of its own: drawing them all would take longer than all else
        drawn = texts(min(rows, 4_000), rng).to_pylist()
        column = pa.array([f"{drawn[row % len(drawn)]} r{at}x{row}" for row in range(rows)])
        pq.write_table(pa.table({"text": column}), folder / f"{at}.parquet", compression="none", use_dictionary=False)
    return FILES * rows, sum(path.stat().st_size for path in folder.iterdir())


def run(folder: Path, *, actors: int, rows_per_part: int) -> Run:
    """Relabel the data set once."""
    work = plan(
        model=str(folder / "model"),
        data=str(folder / "data"),
        out=str(folder / f"out-{actors}"),
        settings=Settings(task="topic"),
        rows_per_part=rows_per_part,
    )
    began = time.perf_counter()
    done: list[Done] = []
    first_s = 0.0

    def tell(each: Done) -> None:
        nonlocal first_s
        first_s = first_s or time.perf_counter() - began
        done.append(each)

    compute(work, Pool(actors=actors), tell=tell)
    return Run(rows=work.source.rows, seconds=time.perf_counter() - began, first_s=first_s, done=tuple(done))


def report(runs: dict[int, Run], *, bytes_read: int) -> list[Row]:
    """Speed, gain and memory."""
    found = []
    for actors, each in runs.items():
        case = f"{actors} {'actor' if actors == 1 else 'actors'}"
        grown = max(part.peak_bytes - part.start_bytes for part in each.done)
        whole = max(part.peak_bytes for part in each.done)
        found += [
            Row(case=case, what="with the pool's start-up", figure=each.rows / each.seconds, unit="rows/s"),
            Row(case=case, what="after the first part", figure=each.steady, unit="rows/s"),
            Row(case=case, what="an actor's memory for its rows", figure=grown / 2**20, unit="MiB"),
            Row(
                case=case,
                what="an actor's memory for its rows",
                figure=grown / bytes_read,
                unit="x data set",
                goal=("at most", MEMORY_GOAL),
            ),
            Row(case=case, what="an actor's memory in all", figure=whole / 2**20, unit="MiB"),
        ]
    found.append(Row(case="one to two", what="speed", figure=runs[2].steady / runs[1].steady, unit="x faster"))
    return found


if __name__ == "__main__":
    main()
