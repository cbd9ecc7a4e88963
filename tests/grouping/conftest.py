"""Four tasks in two planted clusters: a network of one unit has room for what one cluster reads, not for both."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from ray_mtlkd.data.examples import Examples, SetupTables, TaskTables, as_tensors
from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Dense
from ray_mtlkd.records import to_table
from ray_mtlkd.report.load import read
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep.plan import Plan
from ray_mtlkd.sweep.results import records_of
from ray_mtlkd.sweep.space import decode_space
from ray_mtlkd.tasks.metrics import trivial
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.run import train

CLUSTERS = (("a", "d"), ("b", "c"))
TASKS = ("a", "b", "c", "d")


def _examples(name, rows, rng):
    values = rng.normal(size=(rows, 4)).astype(np.float32)
    read_column = next(at for at, cluster in enumerate(CLUSTERS) if name in cluster)
    labels = (values[:, read_column] + 0.1 * rng.normal(size=rows)).astype(np.float32)
    return Examples(Dense(values, np.zeros((rows, 0), np.int64)), labels, np.arange(rows))


@pytest.fixture(scope="session")
def planted():
    rng = np.random.default_rng(3)
    parts = []
    for name in TASKS:
        task = Task(name=name, kind="regression", metric="r2")
        train_rows, valid, test = (_examples(name, 100, rng) for _ in range(3))
        beaten = [trivial(task, train_rows.labels, split.labels) for split in (valid, test)]
        parts.append(TaskTables(task, Layout(form="Dense", width=4), train_rows, valid, test, *beaten))
    return as_tensors(SetupTables("planted", tuple(parts), "fingerprint"))


@pytest.fixture
def trained(planted, tmp_path):
    """The records of a sweep of these strategies, without Ray."""

    def run(strategies, **sections):
        space = decode_space(
            {
                "name": "search",
                "setups": ["planted"],
                "encoder": {"name": "mlp", "hidden": [1]},
                "training": {"steps": 30, "batch_size": 25, "eval_every": 30, "lr": 0.1},
                "strategies": strategies,
                **sections,
                "replicate": {"configurations": 1, "seeds": [1]},
            },
            where="space",
        )
        plan = Plan(space, {"planted": len(TASKS)})
        (tmp_path / "records").mkdir()
        for group in plan.groups:
            for trial in plan.replicates(group, 0):
                job = Job(tables=planted, configuration=trial.configuration, seed=trial.seed)
                outcome = train(
                    job,
                    relabel=None,
                    report=lambda _: None,
                    storage=Storage.at(str(tmp_path / trial.name)),
                    checkpoint_every_s=1e9,
                )
                records = records_of(trial, planted, sweep="s", end=outcome.end, results=outcome.tasks)
                pq.write_table(to_table(records), tmp_path / "records" / f"{trial.name}.parquet")
        return read([str(tmp_path)])

    return run
