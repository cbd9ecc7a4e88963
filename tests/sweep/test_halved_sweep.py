"""A search that halves, by the whole command on real Ray."""

import pyarrow.parquet as pq
import pytest

from ray_mtlkd.sweep_folder import SweepFolder

pytestmark = pytest.mark.ray

SPACE = """
name: halved
setups: [similar]
encoder: {name: mlp, hidden: [16]}
training: {steps: 80, batch_size: 32, eval_every: 10, lr: {loguniform: [1e-3, 1e-2]}}
strategies: [sum, single_task]
search: {configurations: 4, halving: true}
replicate: {configurations: 1, seeds: [1]}
classical: false
"""


def test_each_strategy_lets_half_of_its_configurations_go_at_each_rung_and_replicates_the_best(tmp_path, here):
    (tmp_path / "space.yaml").write_text(SPACE)
    out = tmp_path / "out"
    done = here("sweep", tmp_path / "space.yaml", "--out", out)
    assert done.returncode == 0, done.stderr
    records = {path.stem: pq.read_table(path).to_pylist()[0] for path in (out / "records").glob("*.parquet")}
    assert len(records) == 2 * (4 + 1)
    for strategy in ("sum", "single_task"):
        searched = {name: row for name, row in records.items() if f"-{strategy}-" in name and name.endswith("-s0")}
        stopped = sorted(str(row["stopped_at"]) for row in searched.values())
        assert stopped == ["0.25", "0.25", "0.5", "None"]
        (whole,) = (name for name, row in searched.items() if row["stopped_at"] is None)
        assert whole.replace("-s0", "-s1") in records
        first = {name: row["rungs"][0]["score"] for name, row in searched.items()}
        assert {name for name, row in searched.items() if row["stopped_at"] != 0.25} == set(
            sorted(first, key=lambda name: (-first[name], name))[:2]
        )
        assert all(row["batches"] <= 80 * 5 * (row["stopped_at"] or 1) for row in searched.values())
    assert all(not SweepFolder.at(str(out)).checkpoints(name).names() for name in records)
