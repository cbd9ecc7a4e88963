"""What the benchmark of relabelling data sets writes, and makes of its runs; no Ray in here."""

from functools import partial

import numpy as np
import pytest

from benchmarks import dataset
from benchmarks.dataset import LARGER, Run, report, write_data_set, write_model
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.predict.dataset.labelling import plan
from ray_mtlkd.predict.dataset.labels import Settings
from ray_mtlkd.predict.dataset.output import Written
from ray_mtlkd.predict.dataset.work import Done


def test_the_model_can_read_the_data_set_which_has_the_size_that_was_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "TRAIN_ROWS", 100)
    monkeypatch.setattr(dataset, "BagOfNgrams", partial(BagOfNgrams, buckets=512))
    rng = np.random.default_rng(0)
    write_model(tmp_path / "model", rng)
    rows, size = write_data_set(tmp_path / "data", 2**22, rng)
    assert size == pytest.approx(2**22, rel=0.1)
    work = plan(
        model=str(tmp_path / "model"),
        data=str(tmp_path / "data"),
        out=str(tmp_path / "out"),
        settings=Settings(task="topic"),
    )
    assert work.source.rows == rows
    assert len(work.left) == LARGER


def _run(seconds, *, grown):
    done = [
        Done(written=Written(index=at, rows=100, bytes=1, sha256=""), start_bytes=1000, peak_bytes=1000 + grown)
        for at in range(3)
    ]
    return Run(rows=300, seconds=seconds, first_s=1.0, done=tuple(done))


def test_speed_counts_from_the_first_part_on_and_memory_beyond_what_an_actor_had():
    found = {
        (row.case, row.what, row.unit): row
        for row in report({1: _run(5.0, grown=60), 2: _run(3.0, grown=20)}, bytes_read=100)
    }
    assert found["1 actor", "after the first part", "rows/s"].figure == 200 / 4
    assert found["1 actor", "with the pool's start-up", "rows/s"].figure == 300 / 5
    assert found["one to two", "speed", "x faster"].figure == 2
    reached = [found[case, "an actor's memory for its rows", "x data set"].reached for case in ("1 actor", "2 actors")]
    assert reached == [False, True]
