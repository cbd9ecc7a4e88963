"""The pool on a real cluster, and the real command line, left alone and broken on purpose."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray

from ray_mtlkd.cluster.actor_pool import Pool
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.predict.dataset.labelling import plan
from ray_mtlkd.predict.dataset.labels import Settings
from ray_mtlkd.predict.dataset.pool import compute
from tests.keeping import content_of, relabel_alone
from tests.predict.dataset.relabel_on_ray import OBJECT_STORE_BYTES
from tests.scripts import LIMIT_S, command, json_in, printed_by, run

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context"),  # of defaults of its own
]

SCRIPT = Path(__file__).with_name("relabel_on_ray.py")
PAYLOAD_BYTES = 4096
LARGE_ROWS = 4 * OBJECT_STORE_BYTES // PAYLOAD_BYTES
"""Of the large data set, whose payload alone is four times the object store."""


@pytest.fixture(scope="module")
def segments(diverse_rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("segments")
    table = diverse_rows["segment"]
    for at in range(3):
        pq.write_table(table.slice(at * 3000, 3000), folder / f"{at}.parquet")
    return folder


@pytest.fixture(scope="module")
def expected(segments, diverse, tmp_path_factory):
    """The whole output, made in this process."""
    out = tmp_path_factory.mktemp("expected") / "out"
    work = plan(
        model=diverse.uri, data=str(segments), out=str(out), settings=Settings(task="segment"), rows_per_part=1024
    )
    relabel_alone(work)
    return content_of(out)


@pytest.fixture(scope="module")
def large(diverse_rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    rows = LARGE_ROWS // 2
    vectors = pa.concat_tables([diverse_rows["segment"]] * (rows // len(diverse_rows["segment"]) + 1)).slice(0, rows)
    rng = np.random.default_rng(0)
    for at in range(2):
        payload = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(PAYLOAD_BYTES), rows, [None, pa.py_buffer(rng.bytes(rows * PAYLOAD_BYTES))]
        )
        table = vectors.append_column("payload", payload)
        pq.write_table(table, folder / f"{at}.parquet", compression="none", use_dictionary=False)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.usefixtures("cluster")
def test_a_killed_actor_is_started_again_and_its_part_done_again(planned, diverse, segments, expected, tmp_path):
    work, seen = planned(diverse, segments, "segment", rows_per_part=1024), []

    def tell(done):
        seen.append(done.pid)
        if len(seen) == 1:
            os.kill(done.pid, signal.SIGKILL)

    compute(work, Pool(actors=1), tell=tell)
    assert len(set(seen)) == 2
    assert content_of(tmp_path / "out") == expected


def test_a_data_set_of_four_times_the_object_store_takes_a_fraction_of_its_size_in_memory(diverse, large, tmp_path):
    out = tmp_path / "large"
    told = json_in(printed_by(SCRIPT, diverse.uri, large, out))
    size = sum(path.stat().st_size for path in large.iterdir())
    assert size > 4 * OBJECT_STORE_BYTES
    assert told["grown_bytes"] < size / 3
    rows = [pq.read_metadata(path).num_rows for path in sorted(out.glob("*.parquet"))]
    shutil.rmtree(out)
    assert sum(rows) == LARGE_ROWS


class Holder:
    """Holds CPUs."""

    def ready(self):
        """Whether it does."""
        return True


@pytest.mark.usefixtures("cluster")
def test_a_cluster_whose_cpus_are_all_held_is_an_error_and_nothing_is_written(planned, diverse, segments, tmp_path):
    work = planned(diverse, segments, "segment", rows_per_part=1024)
    holder = ray.remote(num_cpus=ray.cluster_resources()["CPU"])(Holder).remote()
    ray.get(holder.ready.remote())
    with pytest.raises(MtlkdError) as caught:
        compute(work, Pool(actors=2, wait_s=1.0), tell=lambda _: None)
    ray.kill(holder)
    assert "the cluster has had no room for an actor (1 CPU) for 1 s" in str(caught.value)
    assert not (tmp_path / "out").exists()


def _words(kept, data, out):
    named = (kept.uri, "--task", "segment", "--data", data, "--out", out)
    return "relabel", *named, "--rows-per-part", "1024"


@pytest.mark.kill
def test_a_driver_that_was_killed_goes_on_with_other_actors_elsewhere_to_the_bytes_of_one_process_alone(
    diverse, segments, expected, tmp_path, here
):
    out = tmp_path / "out"
    words = _words(diverse, segments, out)
    killed = command(*words, "--actors", "1")
    driver = subprocess.Popen(killed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + LIMIT_S
    while not list(out.glob("*.parquet")):
        assert time.monotonic() < until, "no part was ever written"
        time.sleep(0.005)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    assert not (out / "manifest.json").exists()
    done = here(*words)
    assert done.returncode == 0, done.stderr
    assert "parts are there already" in done.stdout
    assert "9000/9000 rows (100%)" in done.stdout
    assert content_of(out) == expected


def test_rows_that_do_not_fit_end_the_command_with_one_line_that_names_them(diverse, segments, tmp_path, cluster):
    folder = shutil.copytree(segments, tmp_path / "data")
    table = pq.read_table(folder / "1.parquet")
    vectors = table["inputs"].to_pylist()
    vectors[2000] = vectors[2000][:-1]
    pq.write_table(table.set_column(0, "inputs", pa.array(vectors, table["inputs"].type)), folder / "1.parquet")
    done = run(command(*_words(diverse, folder, tmp_path / "out"), "--quiet"), on=cluster)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {folder}/1.parquet[1024:2048]:inputs: 1 of 1024 rows (first: 976")
