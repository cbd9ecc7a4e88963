"""The verdict of a sweep is one that another machine gives as well, although no number of its trials is the same."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from torch.nn import functional

from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.report import load
from ray_mtlkd.report.runs import group
from ray_mtlkd.report.section import section
from ray_mtlkd.report.verdict import decide
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.results import records_of
from ray_mtlkd.sweep.space import read_space
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.run import train

MANIFEST = """
name: people
tasks:
  first: {kind: binary, metric: auc, data: first, vector: x, label: y}
  second: {kind: binary, metric: auc, data: second, vector: x, label: y}
"""
SPACE = """
name: apart
setups: [people.yaml]
encoder: {name: mlp, hidden: [8], dropout: 0.1}
training: {steps: 60, batch_size: 16, eval_every: 20, lr: 2e-2}
strategies: [sum, {name: static, balancer: {weights: [1, 1e-7]}}]
replicate: {configurations: 1, seeds: [1, 2, 3]}
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Two strategies of which one hardly trains the second task."""
    folder, rng = tmp_path_factory.mktemp("people"), np.random.default_rng(0)
    for at, name in enumerate(("first", "second")):
        (folder / name).mkdir()
        for split in ("train", "valid", "test"):
            x = rng.normal(size=(200, 4)).astype(np.float32)
            y = x[:, at] + 0.3 * rng.normal(size=200) > 0
            table = pa.table({"x": pa.array(list(x), pa.list_(pa.float32())), "y": y.astype(np.int64)})
            pq.write_table(table, folder / name / f"{split}.parquet")
    (folder / "people.yaml").write_text(MANIFEST)
    (folder / "space.yaml").write_text(SPACE)
    return prepare(read_space(folder / "space.yaml"))


def _records(prepared, folder):
    found = []
    for trial in (each for part in prepared.plan.groups for each in prepared.plan.replicates(part, 0)):
        tables = prepared.of(trial)
        outcome = train(
            Job(tables=as_tensors(tables), configuration=trial.configuration, seed=trial.seed),
            relabel=None,
            report=lambda _: None,
            storage=Storage.at(str(folder / trial.name)),
            checkpoint_every_s=60.0,
        )
        found += records_of(trial, tables, sweep="s", end=outcome.end, results=outcome.tasks)
    return found


def _verdict(records):
    part = section(group(load.of(records).table), margin=0.5)
    return decide(part.in_family(part.pairs))


def _roughly(linear):
    """The kernel of a machine that multiplies in half of the precision."""

    def rough(given, weight, bias=None):
        return linear(given.bfloat16(), weight.bfloat16(), None if bias is None else bias.bfloat16()).float()

    return rough


def test_a_kernel_that_rounds_otherwise_changes_the_numbers_but_not_what_is_shipped(prepared, tmp_path, monkeypatch):
    here = _records(prepared, tmp_path / "here")
    monkeypatch.setattr(functional, "linear", _roughly(functional.linear))
    there = _records(prepared, tmp_path / "there")
    assert all(one.result.curve != other.result.curve for one, other in zip(here, there, strict=True))
    verdicts = [_verdict(records) for records in (here, there)]
    assert [verdict.ship for verdict in verdicts] == ["sum", "sum"]
    assert [verdict.contenders for verdict in verdicts] == [("sum",), ("sum",)]
