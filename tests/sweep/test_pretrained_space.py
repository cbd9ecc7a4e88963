"""A search space with a pretrained encoder: where its folder is looked for, and what makes a sweep the same."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from ray_mtlkd.cli import app
from ray_mtlkd.sweep.portable import portable
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.space import parse_space, read_space
from ray_mtlkd.sweep.state_work import StateWork
from tests.pretrained import LAYERS, WIDTH, save
from tests.setup_files import Files

SPACE = {
    "name": "one",
    "setups": ["shop.yaml"],
    "encoder": {"name": "hf", "path": "minilm", "max_length": 8},
    "strategies": [
        "sum",
        {
            "name": "sum",
            "label": "frozen",
            "encoder": {"name": "hf", "path": "minilm", "max_length": 8, "train": "none"},
        },
    ],
    "training": {"steps": 2, "eval_every": 1, "batch_size": 2},
    "search": {"configurations": 1},
    "replicate": {"seeds": [1]},
}


@pytest.fixture
def home(tmp_path):
    """A folder with a search space, a manifest, and an encoder."""
    Files(tmp_path).write()
    save(tmp_path / "minilm")
    (tmp_path / "space.yaml").write_text(yaml.safe_dump(SPACE))
    return tmp_path


def folders(space):
    return {strategy.example.architecture.encoder.path for strategy in space.strategies}


def test_the_encoder_s_folder_lies_beside_the_search_space_whatever_the_current_one(home, monkeypatch):
    monkeypatch.chdir(home)
    here = read_space("space.yaml")
    monkeypatch.chdir("/")
    assert folders(here) == folders(read_space(home / "space.yaml")) == {str(home / "minilm")}


def test_the_copy_in_the_sweep_s_folder_means_the_same(home):
    text = (home / "space.yaml").read_text()
    copied = portable(text, home / "space.yaml", [str(home / "shop.yaml")], data_dir=None, trackers={})["space.yaml"]
    again = parse_space(copied, Path("/elsewhere/space.yaml"))
    assert again.content({}) == read_space(home / "space.yaml").content({})


def test_other_weights_in_the_folder_make_another_sweep(home):
    first, again = (prepare(read_space(home / "space.yaml")).content for _ in range(2))
    assert first == again
    save(home / "minilm", seed=1)
    assert prepare(read_space(home / "space.yaml")).content.fingerprint != first.fingerprint


def test_a_check_computes_no_states_and_says_what_they_take(home):
    prepared = prepare(read_space(home / "space.yaml"), compute=False)
    (size,) = prepared.states
    assert (size.setup, size.fits) == ("shop", True)
    assert size.bytes == 8 * WIDTH * 2, "a row of float16 each"
    states = [table.train.inputs.states for tables in prepared.tables.values() for table in tables.tasks]
    assert sorted(found is None for found in states) == [False, True]
    assert not next(found for found in states if found is not None).any()
    assert next(iter(prepare(read_space(home / "space.yaml")).states)).bytes == size.bytes


def test_a_check_says_it_on_the_command_line(home):
    result = CliRunner().invoke(app, ["check", str(home / "space.yaml")], catch_exceptions=False)
    assert "shop: 0.0 MB of states by the layers, none of which trains" in " ".join(result.output.split())


def with_sharing(home, *ways, **encoder):
    """A search space of `sum` on the encoder, in several ways of sharing."""
    asked = {**SPACE["encoder"], "train": "none", **encoder}
    strategies = [{"name": "sum", "label": str(at), "sharing": way} for at, way in enumerate(ways)]
    (home / "space.yaml").write_text(yaml.safe_dump({**SPACE, "encoder": asked, "strategies": strategies}))
    return read_space(home / "space.yaml")


def test_strategies_of_one_sweep_have_states_or_pieces_as_their_way_of_sharing_can_read_them(home):
    lowest = {"name": "low_level", "layers": {"intent": 1}}
    top = {"name": "low_level", "layers": {"intent": LAYERS + 1}}
    low_rank = {"name": "adapters", "form": "lora"}
    prepared = prepare(with_sharing(home, "hard", "cross_stitch", lowest, top, low_rank, "soft"), compute=False)
    has_states = {}
    for trial in prepared.plan.distinct():
        inputs = [table.train.inputs for table in prepared.of(trial).tasks]
        has_states[trial.strategy] = {each.states is not None for each in inputs}
    assert has_states == {"0": {True}, "1": {False}, "2": {False}, "3": {True}, "4": {False}, "5": {True}}
    assert len({id(tables) for tables in prepared.tables.values()}) == 2, "what reads the same is there once"
    assert [size.setup for size in prepared.states] == ["shop"]
    assert len({id(pending) for pending in prepared.pending.values()}) == 1
    assert {prepared.tables[key].tasks[0].train.inputs.states is None for key in prepared.pending} == {False}


def test_a_check_says_what_ways_of_sharing_without_states_cost(home, monkeypatch, worded):
    monkeypatch.setattr(StateWork, "seconds_of_all", lambda *_: 90.0)

    def said(*ways, **encoder):
        found = prepare(with_sharing(home, *ways, **encoder), compute=False).warnings
        return [warning for warning in found if "sharing" in warning]

    for warning in said("hard", "cross_stitch", "sluice", {"name": "adapters", "form": "lora"}):
        worded(warning)
    assert said("cross_stitch", states="none") == said("hard", "soft") == []


def test_low_rank_adapters_of_low_rank_matrices_are_an_error_before_anything_starts(home, refused):
    with refused() as caught:
        prepare(with_sharing(home, {"name": "adapters", "form": "shared_lora"}, train={"lora": 2}), compute=False)
    assert caught.value.where == "sharing.form"


def test_a_folder_that_is_not_there_is_one_error_before_anything_starts(home, refused):
    (home / "space.yaml").write_text(
        yaml.safe_dump({**SPACE, "strategies": ["sum", "pcgrad"]}).replace("minilm", "maxilm")
    )
    with refused():
        prepare(read_space(home / "space.yaml"))


def test_a_folder_inside_a_mixed_encoder_lies_beside_the_search_space_too(home, monkeypatch):
    text = {"name": "hf", "path": "minilm", "max_length": 8, "train": {"choice": ["none", "all"]}}
    mixed = {"name": "mixed", "text": text}
    (home / "mixed.yaml").write_text(yaml.safe_dump({**SPACE, "encoder": mixed, "strategies": ["sum"]}))
    monkeypatch.chdir("/")
    space = read_space(home / "mixed.yaml")
    (strategy,) = space.strategies
    assert strategy.example.architecture.encoder.text.path == str(home / "minilm")
    assert list(strategy.domains) == ["encoder.text.train"]
    copied = portable(
        (home / "mixed.yaml").read_text(), home / "mixed.yaml", [str(home / "shop.yaml")], data_dir=None, trackers={}
    )
    assert parse_space(copied["space.yaml"], Path("/elsewhere/space.yaml")).content({}) == space.content({})
    prepared = prepare(space, compute=False)
    assert [size.setup for size in prepared.states] == ["shop"]
