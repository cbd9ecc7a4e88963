"""Whoever computes states computes the same bits, and trials read them; tiny encoders of chance."""

from dataclasses import replace

import numpy as np
import pytest
import yaml

from ray_mtlkd import setups
from ray_mtlkd.data.features import pieces_of
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders.hf.encoder import PretrainedEncoder
from ray_mtlkd.sweep import state_pool, state_work
from ray_mtlkd.sweep.held_states import StateTables
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.space import read_space
from ray_mtlkd.sweep.state_pool import by_pool, quickest, telling
from ray_mtlkd.sweep.state_work import here
from tests.keeping import TAG_TASKS, text_setup
from tests.pretrained import save
from tests.setup_files import Files


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Tables with zeros, and what is to stand there."""
    folder = tmp_path_factory.mktemp("bert")
    save(folder)
    encoder = PretrainedEncoder(path=str(folder), max_length=16, train="top-1", pair="apart")
    tables = setups.featurise(text_setup(TAG_TASKS), pieces_of(encoder.features))
    return StateTables(most_bytes=1e9).plan(tables, Architecture(encoder=encoder))


def test_the_driver_computes_alone_what_is_over_before_a_pool_has_started(planned, monkeypatch):
    monkeypatch.setattr(state_pool, "room", lambda _: 4)
    said = []
    for seconds, way in ((0.0, here), (1.0, here), (state_pool.STARTED_S, here), (100.0, by_pool)):
        pending = replace(planned[1], size=replace(planned[1].size, seconds=seconds))
        assert quickest(pending, say=said.append) is way
    assert ["of one core" in line for line in said] == [True, True, False]


def test_what_takes_long_says_how_far_it_is(planned, monkeypatch):
    monkeypatch.setattr(state_work, "PART_ROWS", 20)
    zeros, pending = planned
    said = []
    pending.put(zeros, compute=telling(here, say=said.append))
    assert said == []
    monkeypatch.setattr(state_pool, "_TOLD_EVERY_S", 0.0)
    pending.put(zeros, compute=telling(here, say=said.append))
    count = len(pending.work.missing())
    assert said == [f"{done} of {count} parts of the states of shop" for done in range(1, count + 1)]


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")  # of defaults of its own
@pytest.mark.usefixtures("cluster")
def test_actors_give_the_bits_that_the_driver_gives(planned, monkeypatch):
    monkeypatch.setattr(state_work, "PART_ROWS", 10)
    zeros, pending = planned
    alone, pooled = (pending.put(zeros, compute=compute) for compute in (here, by_pool))
    for mine, theirs in zip(alone.tasks, pooled.tasks, strict=True):
        for split in ("train", "valid", "test"):
            for side in ("left", "right") if hasattr(mine.train.inputs, "left") else (None,):
                found = [getattr(each, split).inputs for each in (mine, theirs)]
                found = [each if side is None else getattr(each, side) for each in found]
                assert found[0].states.any()
                np.testing.assert_array_equal(found[0].states, found[1].states)


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")  # of defaults of its own
@pytest.mark.usefixtures("_figures_unsaved")
def test_a_sweep_whose_states_a_pool_computes_keeps_them_for_the_next_one(tmp_path, here, monkeypatch):
    Files(tmp_path).write()
    save(tmp_path / "minilm")
    space = {
        "name": "one",
        "setups": ["shop.yaml"],
        "encoder": {"name": "hf", "path": "minilm", "max_length": 8, "train": "none"},
        "strategies": ["sum"],
        "training": {"steps": 2, "eval_every": 1, "batch_size": 2},
        "classical": False,
        "search": {"configurations": 1},
        "replicate": {"seeds": [1]},
    }
    (tmp_path / "space.yaml").write_text(yaml.safe_dump(space))
    monkeypatch.setenv("MTLKD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(state_pool, "STARTED_S", -1e9)
    first = here("sweep", "space.yaml", "--out", "first", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "states of shop" in first.stdout
    assert len(list((tmp_path / "cache" / "states").glob("*.arrow"))) == 3
    again = prepare(read_space(tmp_path / "space.yaml"), compute=False)
    assert [size.seconds for size in again.states] == [0.0]
