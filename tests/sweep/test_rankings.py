"""A ranking beside another task, by the whole command on real Ray."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ray_mtlkd.predict.model_folder import load
from ray_mtlkd.predict.predictions import predict_table
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep_folder import BEST
from tests import rankings

pytestmark = pytest.mark.ray

SPACE = """
name: rankings
setups: [finder.yaml]
encoder: {name: bag, hidden: [16], buckets: 512}
training: {steps: 100, batch_size: 16, eval_every: 10, lr: 1e-2, finish: budget}
convergence: {patience: 2, patience_epochs: 0, min_epochs: 0, smoothing: 1, noise: 0}
relabel: {where: {grid: [inline, shared, pool]}}
strategies: [joint_kd]
search: {configurations: 3}
replicate: {configurations: 1, seeds: [1]}
"""


def _records(out):
    return {path.name: pq.read_table(path) for path in (out / "records").glob("*.parquet")}


def test_a_ranking_is_swept_relabelled_reported_and_resumed(tmp_path, here):
    rankings.write(tmp_path, loss="pairwise", metric="map")
    (tmp_path / "space.yaml").write_text(SPACE)
    out = tmp_path / "out"
    done = here("sweep", "space.yaml", "--out", out, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    tables = _records(out)
    rows = [row for row in pa.concat_tables(tables.values()).to_pylist() if row["task"] == "find"]
    assert {row["status"] for row in rows} == {"ok"}
    assert all(row["test"] > row["trivial"] + 0.1 for row in rows)
    # the same numbers, whoever labelled
    assert {row["relabelled_where"] for row in rows} == {"inline", "shared", "pool"}
    assert len({(row["test"], row["teacher"]) for row in rows if row["stage"] == "search"}) == 1
    assert "find" in (out / "report" / "report.md").read_text()
    kept = load(Storage.at(str(next(path for path in (out / "models").iterdir() if path.name != BEST))))
    assert "find_rank" in predict_table(kept, "find", rankings.candidates("test"), where="test").column_names
    # a trial whose records are lost runs again and ends the same
    lost = min((out / "records").glob("*.parquet"))
    lost.unlink()
    done = here("sweep", "space.yaml", "--resume", out, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    untimed = ("wall_s", "cpu_s")
    again = _records(out)
    assert again.keys() == tables.keys()
    for name, table in tables.items():
        assert again[name].drop_columns(untimed).equals(table.drop_columns(untimed))
