"""A sweep that relabels in every way, of tasks with rows of their own and of tasks that label the same rows."""

import json

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
name: ways
setups: [similar, people.yaml]
encoder: {name: mlp, hidden: [16]}
training: {steps: 80, batch_size: 32, eval_every: 8, lr: 2e-2}
convergence: {patience: 2, patience_epochs: 0, min_epochs: 0, smoothing: 1, noise: 0}
relabel: {where: {grid: [inline, shared, pool]}}
kd: {rows: confident, confidence: 0.6}
strategies: [{curriculum: {name: joint_kd, rewind: true}, balancer: pcgrad}]
search: {configurations: 3}
replicate: {configurations: 1, seeds: [1]}
resources: {keep_models: none, keep_predictions: false, checkpoint_every_s: 0}
classical: false
"""
WAYS = ("inline", "shared", "pool")


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


@pytest.fixture(scope="module")
def swept(tmp_path_factory, here):
    """The folder of a sweep whose trials hold every CPU, and records of its search by setup, way and task."""
    folder = tmp_path_factory.mktemp("ways")
    (folder / "people.yaml").write_text(MANIFEST)
    (folder / "space.yaml").write_text(SPACE)
    (folder / "people").mkdir()
    for seed, (split, rows) in enumerate((("train", 400), ("valid", 200), ("test", 200))):
        pq.write_table(_table(rows, seed), folder / "people" / f"{split}.parquet")
    out = folder / "out"
    done = here("sweep", "space.yaml", "--out", out, cwd=folder)
    assert done.returncode == 0, done.stderr
    rows = pa.concat_tables([pq.read_table(path) for path in (out / "records").glob("*.parquet")]).to_pylist()
    searched = [row for row in rows if row["stage"] == "search"]
    return out, {(row["setup"], json.loads(row["config"])["relabel.where"], row["task"]): row for row in searched}


@pytest.mark.parametrize(
    ("setup", "tasks"),
    [
        ("people", ("churn", "spend", "group")),
        ("similar", ("tiny_noisy", "small", "medium_noisy", "large", "huge_clean")),
    ],
)
def test_every_way_to_relabel_gives_the_same_trial_whether_tasks_share_rows_or_not(swept, setup, tasks):
    _, found = swept
    relabelled = set()
    for task in tasks:
        inline, shared, pool = (found[setup, where, task] for where in WAYS)
        assert inline["taught_rows"] == shared["taught_rows"] == pool["taught_rows"]
        assert inline["curve"] == shared["curve"] == pool["curve"]
        assert inline["test"] == shared["test"] == pool["test"] > inline["trivial"]
        relabelled.add(tuple(row["relabelled_where"] for row in (inline, shared, pool)))
    assert WAYS in relabelled
    assert relabelled <= {WAYS, (None, None, None)}


@pytest.mark.parametrize("unwanted", ["classical", "models", "predictions"])
def test_what_a_sweep_does_not_keep_has_no_folder(swept, unwanted):
    out, _ = swept
    assert not (out / unwanted).exists()
