"""What does not train is computed once, and a model that reads it computes what it would have computed itself."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.torch
import torch

from ray_mtlkd import setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.data.features import pieces_of
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders.hf import states as computing
from ray_mtlkd.models.encoders.hf.encoder import PretrainedEncoder
from ray_mtlkd.models.encoders.pretrained import fill
from ray_mtlkd.models.sharing import SHARING
from ray_mtlkd.models.sharing.adapters import Adapters
from ray_mtlkd.models.sharing.low_level import LowLevel
from ray_mtlkd.strategies import decode_strategy
from ray_mtlkd.sweep import kept_states, state_work
from ray_mtlkd.sweep.held_states import StateTables
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.evaluation.evaluate import predict_all
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.settings import Optimization
from ray_mtlkd.training.step.trainer import Trainer
from tests.keeping import TAG_TASKS, text_setup
from tests.pretrained import LAYERS, WIDTH, save

HARD = SHARING["hard"]()
WAYS = {
    **{name: config() for name, config in SHARING.items()},
    **{f"adapters_{form}": Adapters(form=form) for form in ("lora", "shared_lora")},
    **{f"low_level_{layer}": LowLevel(layers={"names": layer}) for layer in range(1, LAYERS + 2)},
}
"""Every way of sharing, and those whose settings say what they read."""
TOLERANCES = {"float32": 1e-6, "float16": 1e-3}
"""Of what an untrained model makes of them; two steps may make ten times as much of it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("bert")
    save(path)
    return path


@pytest.fixture(scope="module")
def raw():
    return text_setup(TAG_TASKS)


@pytest.fixture
def made(folder, raw):
    """Tables for an encoder, and with its states in them."""

    def make(*, compute=True, sharing=HARD, most_bytes=1e9, say=lambda _: None, **settings):
        encoder = PretrainedEncoder(path=str(folder), max_length=16, **settings)
        states = StateTables(most_bytes=most_bytes)
        before = setups.featurise(raw, pieces_of(encoder.features))
        after, pending = states.plan(before, Architecture(encoder=encoder, sharing=sharing))
        if pending is not None and compute:
            after = pending.put(after, say=say)
        return encoder, before, after, SimpleNamespace(sizes=states.sizes, pending=pending, divided=states.divided)

    return make


def outputs(encoder, tables, *, steps):
    strategy, architecture = decode_strategy("sum", where="strategy"), Architecture(encoder=encoder)
    configuration = Configuration(strategy=strategy, architecture=architecture, training=Optimization(batch_size=8))
    trainer = Trainer(Job(tables=as_tensors(tables), configuration=configuration, seed=1))
    for _ in range(steps):
        trainer.step([0, 1, 2], soft={}, share=0.5)
    return [predict_all(trainer.model, at, table.test) for at, table in enumerate(as_tensors(tables).tasks)]


@pytest.mark.parametrize(
    ("numbers", "train", "pooling", "pair"),
    [
        ("float32", "none", "mean", "apart"),
        ("float16", "none", "cls", "together"),
        ("float32", "top-1", "cls", "together"),
        ("float16", "top-1", "mean", "apart"),
    ],
)
def test_a_model_learns_from_states_what_it_learns_from_pieces(made, numbers, train, pooling, pair):
    encoder, before, after, _ = made(train=train, pooling=pooling, pair=pair, states=numbers, dropout=0.0)
    for steps, tolerance in ((0, TOLERANCES[numbers]), (2, 10 * TOLERANCES[numbers])):
        made_of_states, made_of_pieces = (outputs(encoder, tables, steps=steps) for tables in (after, before))
        for found, expected in zip(made_of_states, made_of_pieces, strict=True):
            torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


def moved_outputs(encoder, tables, sharing):
    """What a model says whose parameters are not as they were drawn: where they start, some of them do nothing."""
    views = as_tensors(tables).tasks
    torch.manual_seed(1)
    model = build(Architecture(encoder=encoder, sharing=sharing), [(table.task, table.layout) for table in views])
    fill(model, views[0].pretrained)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return [predict_all(model, at, table.test) for at, table in enumerate(views)]


@pytest.mark.parametrize("train", ["none", "top-1"])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_sharing_says_of_states_what_it_says_of_pieces(made, way, train):
    sharing = WAYS[way]
    encoder, before, after, states = made(sharing=sharing, train=train, states="float32", dropout=0.0)
    held = LAYERS + 1 - (train == "top-1")
    layer = int(way[-1]) if way.startswith("low_level_") else held
    assert (after is before) == (layer < held or way.startswith(("cross_stitch", "sluice", "adapters")))
    assert [each.layers for each in states.divided.values()] == [held] * (after is before)
    found, expected = (moved_outputs(encoder, tables, sharing) for tables in (after, before))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_where_nothing_trains_there_is_one_state_a_row_or_word(made):
    _, before, after, _ = made(train="none")
    intent, match, names = (table.train.inputs for table in after.tasks)
    rows = {"intent": intent.states, "left": match.left.states, "right": match.right.states, "names": names.states}
    assert {name: states.shape for name, states in rows.items()} == {
        "intent": (24, WIDTH),
        "left": (24, WIDTH),
        "right": (24, WIDTH),
        "names": (len(before.tasks[2].train.labels), WIDTH),
    }
    assert {states.dtype.name for states in rows.values()} == {"float16"}


def test_nothing_is_computed_twice_and_what_is_damaged_once_more(made, tmp_path, monkeypatch):
    monkeypatch.setenv("MTLKD_CACHE", str(tmp_path))
    monkeypatch.setattr(state_work, "PART_ROWS", 20)
    counts = []
    compute = computing.HeldLayers._of
    monkeypatch.setattr(computing.HeldLayers, "_of", lambda *args: counts.append(1) or compute(*args))
    first = made(train="top-1")[2]
    assert counts
    counts.clear()
    _, _, again, states = made(train="top-1")
    assert counts == []
    assert again.fingerprint == first.fingerprint
    assert [size.seconds for size in states.sizes] == [0.0]
    assert np.array_equal(again.tasks[0].train.inputs.states, first.tasks[0].train.inputs.states)
    damaged = min((tmp_path / "states").glob("*.arrow"))
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    assert np.array_equal(made(train="top-1")[2].tasks[0].train.inputs.states, first.tasks[0].train.inputs.states)
    assert len(counts) == 1


def test_states_of_some_rows_at_a_time_are_those_of_all(made, monkeypatch):
    whole = made(train="none", pair="together", states="float32")[2]
    monkeypatch.setattr(state_work, "PART_ROWS", 15)
    for table, expected in zip(
        made(train="none", pair="together", states="float32")[2].tasks, whole.tasks, strict=True
    ):
        torch.testing.assert_close(table.train.inputs.states, expected.train.inputs.states, rtol=1e-5, atol=1e-5)


def test_other_settings_and_other_weights_have_other_states(made, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MTLKD_CACHE", str(tmp_path))
    found = []
    for settings in (
        {"train": "top-1"},
        {"train": "none"},
        {"train": "none", "pooling": "cls"},
        {"train": "top-1", "states": "float32"},
    ):
        made(**settings)
        found.append(len(list((tmp_path / "states").iterdir())))
    save(folder, seed=1)
    made(train="top-1")
    save(folder)
    found.append(len(list((tmp_path / "states").iterdir())))
    assert np.diff([0, *found]).tolist() == [3, 3, 3, 3, 3]


def test_states_of_other_weights_are_never_read_if_only_one_differs(made, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MTLKD_CACHE", str(tmp_path))
    first = made(train="none", pair="together", states="float32")[2]
    file = folder / "model.safetensors"
    whole, weights = file.read_bytes(), safetensors.torch.load_file(file)
    weights["encoder.layer.0.output.dense.bias"][0] += 0.125
    safetensors.torch.save_file(weights, file, {"format": "pt"})
    changed = made(train="none", pair="together", states="float32")[2]
    monkeypatch.setenv("MTLKD_CACHE", "")
    computed = made(train="none", pair="together", states="float32")[2]
    file.write_bytes(whole)
    found = [tables.tasks[0].train.inputs.states for tables in (first, changed, computed)]
    assert not np.array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[1], found[2])


def test_an_interrupted_computation_goes_on_from_the_parts_that_were_ready(made, tmp_path, monkeypatch):
    monkeypatch.setenv("MTLKD_CACHE", str(tmp_path))
    monkeypatch.setattr(state_work, "PART_ROWS", 10)
    _, _, zeros, states = made(train="top-1", compute=False)
    done = []

    def stopped(work, parts):
        for found in state_work.here(work, parts):
            if len(done) == 4:
                raise KeyboardInterrupt
            done.append(found[0])
            yield found

    def rest(work, parts):
        done.extend(parts)
        return state_work.here(work, parts)

    with pytest.raises(KeyboardInterrupt):
        states.pending.put(zeros, compute=stopped)
    states.pending.put(zeros, compute=rest)
    assert len(done) == len(set(done)) == 9


def test_a_disk_without_room_is_told_of_and_what_is_kept_stays(made, tmp_path, monkeypatch):
    monkeypatch.setenv("MTLKD_CACHE", str(tmp_path))
    made(train="none")
    kept = sorted((tmp_path / "states").iterdir())
    monkeypatch.setattr(kept_states.shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    said = []
    found = made(train="top-1", say=said.append)[2]
    (line,) = said
    assert "are not kept" in line
    assert found.tasks[0].train.inputs.states.any()
    assert sorted((tmp_path / "states").iterdir()) == kept


def test_states_that_take_too_much_room_are_left_to_the_steps_and_told_of(made):
    _, before, after, states = made(train="top-1", pair="together", most_bytes=100)
    assert after.fingerprint == before.fingerprint
    assert len(after.warnings) == len(before.warnings) + 1
    assert [size.fits for size in states.sizes] == [False]
    assert states.sizes[0].bytes == 2 * WIDTH * sum(
        len(getattr(table, split).inputs.ids) for table in before.tasks for split in ("train", "valid", "test")
    )


def test_where_nothing_is_to_be_learned_zeros_stand_for_what_is_not_known(made):
    _, _, after, states = made(train="none", compute=False)
    assert not after.tasks[0].train.inputs.states.any()
    assert states.sizes[0].seconds > 0


@pytest.mark.parametrize("settings", [{"train": "all"}, {"train": "none", "states": "none"}], ids=str)
def test_an_encoder_that_asks_for_none_gets_its_pieces(made, settings):
    _, before, after, states = made(**settings)
    assert after is before
    assert states.sizes == []


def test_a_state_too_large_for_its_numbers_is_refused(made, monkeypatch):
    compute = computing.HeldLayers._of
    monkeypatch.setattr(computing.HeldLayers, "_of", lambda *args: compute(*args) * 1e6)
    with np.errstate(over="ignore"), pytest.raises(MtlkdError) as caught:
        made(train="none")
    assert caught.value.where == "encoder.states"
    assert replace(made(train="none", states="float32")[0]).states == "float32"
