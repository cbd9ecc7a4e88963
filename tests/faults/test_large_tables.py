"""Tables of which a machine's object store holds but a part."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.cluster.nodes import free_port, head, keys
from tests.faults.drivers import ended
from tests.setup_files import write_fewer
from tests.sweeps import assert_same, records

pytestmark = pytest.mark.fault

WIDTH, ROWS = 32, 1_200_000
STORES = {"small": 80 * 2**20, "large": 1000 * 2**20}
"""Of 154 MB of rows without labels, by less and more than these."""
SPACE = """
name: unlabelled
setups: [fewer.yaml]
encoder: {name: mlp, hidden: [32]}
training: {steps: 200, batch_size: 32, eval_every: 10, lr: 6e-3}
convergence: {patience: 2, patience_epochs: 0, min_epochs: 0, smoothing: 1, noise: 0}
kd: {rows: unlabelled}
strategies: [joint_kd]
replicate: {configurations: 1, seeds: [1, 2]}
classical: false
"""


@pytest.fixture
def space(place):
    """Of a task with many rows without labels beside another one."""
    write_fewer("similar", place.folder, tasks=("small", "large"), rows=2000)
    values = np.random.default_rng(0).standard_normal(ROWS * WIDTH, dtype=np.float32)
    table = pa.table({"inputs": pa.FixedSizeListArray.from_arrays(pa.array(values), WIDTH)})
    pq.write_table(table, place.folder / "small" / "more.parquet", compression="none", use_dictionary=False)
    manifest = yaml.safe_load((place.folder / "fewer.yaml").read_text())
    manifest["tasks"]["small"]["unlabelled"] = "more"
    (place.folder / "fewer.yaml").write_text(yaml.safe_dump(manifest))
    (place.folder / "space.yaml").write_text(SPACE)
    return place.folder / "space.yaml"


def test_rows_that_the_object_store_has_no_room_for_are_mapped_from_disk_and_change_no_record(space, place):
    token = keys(place.folder)
    environment = {**place.environment, **token}
    for name, size in STORES.items():
        port = free_port()
        words = (f"--object-store-memory={size}", "--num-cpus=2", "--include-dashboard=false")
        with head(*words, port=port, environment=environment):
            out = place.folder / f"out-{name}"
            ended(place.sweep(space, "--out", out, on={**token, "RAY_ADDRESS": f"127.0.0.1:{port}"}), code=0)
    small, large = (records(place.folder / f"out-{name}") for name in STORES)
    assert max(rows or 0 for table in small.values() for rows in table["distilled_rows"].to_pylist()) > ROWS
    assert_same(small, large)
