"""Tasks that label the rows of one table, through the real command line on real Ray."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.ray

MANIFEST = """
name: people
shared: {data: people, columns: {numeric: [age], categorical: [city]}}
tasks:
  churn: {kind: binary, label: churn, metric: auc}
  spend: {kind: regression, label: spend, metric: r2, missing_labels: skip}
  group: {kind: multiclass, label: group, metric: accuracy, missing_labels: skip}
"""
SPACE = """
name: shared
setups: [people.yaml]
encoder: {name: mlp, hidden: [16]}
training: {steps: 150, batch_size: 32, eval_every: 10, lr: 1e-2}
convergence: {patience: 2}
relabel: {where: {grid: [inline, shared, pool]}}
strategies: [{curriculum: joint_kd, balancer: pcgrad}]
search: {configurations: 3}
replicate: {configurations: 1, seeds: [1]}
classical: false
"""


def _table(rows, seed):
    rng = np.random.default_rng(seed)
    age, city = rng.normal(size=rows), rng.integers(0, 4, rows)
    score = age + (city == 2) + 0.3 * rng.normal(size=rows)
    spend = np.where(rng.random(rows) < 0.3, np.nan, score)
    group = [int(value > 0) + int(value > 1) if rng.random() < 0.8 else None for value in score]
    cities = [f"c{number}" for number in city]
    return pa.table(
        {"age": age, "city": cities, "churn": (score > 0.5).astype(int), "spend": spend, "group": pa.array(group)}
    )


def test_every_way_to_relabel_one_column_gives_the_same_run(tmp_path):
    (tmp_path / "people.yaml").write_text(MANIFEST)
    (tmp_path / "space.yaml").write_text(SPACE)
    (tmp_path / "people").mkdir()
    for seed, (split, rows) in enumerate((("train", 400), ("valid", 200), ("test", 200))):
        pq.write_table(_table(rows, seed), tmp_path / "people" / f"{split}.parquet")
    out = tmp_path / "out"
    command = [sys.executable, "-c", "from ray_mtlkd.cli import main; main()", "sweep", str(tmp_path / "space.yaml")]
    done = subprocess.run(
        [*command, "--out", str(out)], capture_output=True, text=True, timeout=240, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    rows = pa.concat_tables([pq.read_table(path) for path in (out / "records").glob("*.parquet")]).to_pylist()
    searched = [row for row in rows if row["stage"] == "search"]
    ways = {(json.loads(row["config"])["relabel.where"], row["task"]): row for row in searched}
    assert len(ways) == 3 * 3
    for task in ("churn", "spend", "group"):
        inline, shared, pool = (ways[where, task] for where in ("inline", "shared", "pool"))
        assert [row["relabelled_where"] for row in (inline, shared, pool)] == ["inline", "shared", "pool"]
        assert inline["curve"] == shared["curve"] == pool["curve"]
        assert inline["test"] == shared["test"] == pool["test"] > inline["trivial"]
