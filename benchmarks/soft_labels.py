"""What fewer numbers of each soft label save, and what they cost the student: whole runs on ``intents``.

Every run is joint distillation under one configuration, the middle of `search_spaces/intents.yaml`; only what is stored
of the soft labels differs. Scores are paired by seed with those of runs that store all numbers.
"""

import os
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import torch

from benchmarks.record import Row
from ray_mtlkd import setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.storage import Storage
from ray_mtlkd.strategies import decode_strategy
from ray_mtlkd.tasks.metrics import METRICS, skill
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.evaluation.evaluate import predict_all
from ray_mtlkd.training.job import Job, RelabelRequest, SoftLabels
from ray_mtlkd.training.run import train
from ray_mtlkd.training.settings import Convergence, Distillation, Optimization
from ray_mtlkd.training.state.soft_labels import soft_table

TEMPERATURE = 2.0
STORED: Mapping[str, Distillation] = {
    "float32": Distillation(temperature=TEMPERATURE),
    "float16": Distillation(temperature=TEMPERATURE, soft_labels="float16"),
    **{f"top {k}": Distillation(temperature=TEMPERATURE, top_k=k) for k in (1, 3, 10, 30)},
    "top 10, float16": Distillation(temperature=TEMPERATURE, top_k=10, soft_labels="float16"),
}
ALL = "float32"
_TRAINING = Optimization(steps=1000, batch_size=64, eval_every=50, lr=2e-3, warmup=0.05, clip_norm=1.0)
_SEEDS = (1, 2, 3)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """A run's mean skill on test in percent, and the bytes of its soft labels."""

    score: float
    nbytes: int


def run(stored: str, seed: int, data: Path, steps: int) -> Agreement:
    """Train one student."""
    torch.set_num_threads(1)
    encoder, kd = BagOfNgrams(dropout=0.3), STORED[stored]
    tables = as_tensors(setups.featurise(setups.read("intents", data_dir=data), encoder.features))
    configuration = Configuration(
        strategy=decode_strategy("joint_kd", where="strategy"),
        architecture=Architecture(encoder=encoder),
        training=Optimization(**{**vars(_TRAINING), "steps": steps}),
        convergence=Convergence(patience=2, patience_epochs=0, min_epochs=0, smoothing=1, noise=0),
        kd=kd,
    )
    sizes: list[int] = []

    def inline(request: RelabelRequest) -> SoftLabels:
        outputs = predict_all(request.model, request.index, request.table.train)
        sizes.append(soft_table(outputs, request.table.task, kd).nbytes)
        return SoftLabels(outputs=outputs, where="inline", why="a benchmark")

    with tempfile.TemporaryDirectory() as folder:
        outcome = train(
            Job(tables=tables, configuration=configuration, seed=seed),
            relabel=inline,
            report=lambda _: None,
            storage=Storage.at(folder),
            checkpoint_every_s=float("inf"),
        )
    skills = [
        skill(task.test, table.trivial_test, METRICS[table.task.metric].perfect)
        for task, table in zip(outcome.tasks, tables.tasks, strict=True)
    ]
    return Agreement(score=100 * statistics.mean(skills), nbytes=sum(sizes))


def storage_rows(data: Path, *, quick: bool) -> Iterator[Row]:
    """Size and final score by what is stored."""
    if not (data / "intents").is_dir():
        print(f"what is stored of soft labels is not measured: no intents/ in {data} (--data names the folder)")
        return
    seeds, steps = (_SEEDS[:1], 200) if quick else (_SEEDS, _TRAINING.steps)
    jobs = [(stored, seed) for seed in seeds for stored in STORED]
    raw = setups.read("intents", data_dir=data)
    setups.featurise(raw, BagOfNgrams().features)  # the others find the tables in the cache
    found: dict[str, list[Agreement]] = defaultdict(list)
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        runs = pool.map(run, *zip(*((*job, data, steps) for job in jobs), strict=True))
        for (stored, _), result in zip(jobs, runs, strict=True):
            found[stored].append(result)
    yield from rows(found)


def rows(found: Mapping[str, Sequence[Agreement]]) -> Iterator[Row]:
    """The figures of runs with the same seeds in the same order."""
    case, whole = "stored of soft labels, intents", found[ALL]
    for stored, runs in found.items():
        # a run that relabels more tasks stores more labels: bytes are compared as they are in all
        size = sum(each.nbytes for each in runs) / len(runs)
        yield Row(case=case, what=stored, figure=size / 2**20, unit="MiB a trial")
        score = statistics.mean(each.score for each in runs)
        yield Row(case=case, what=stored, figure=score, unit="skill on test, %", samples=len(runs))
        if stored == ALL:
            continue
        gains = [mine.score - plain.score for mine, plain in zip(runs, whole, strict=True)]
        note = f"from {min(gains):+.2f} to {max(gains):+.2f} over {len(gains)} seeds"
        yield Row(case=case, what=stored, figure=statistics.mean(gains), unit=f"points over {ALL}", note=note)
