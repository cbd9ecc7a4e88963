"""How many GPUs a sweep takes up, and whether they are there; no Ray cluster in here."""

import pytest
import torch

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep import resources as module
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.resources import check_room
from ray_mtlkd.sweep.space import decode_space


@pytest.mark.parametrize("gpus", [-1.0, 1.5])
def test_what_ray_gives_no_process_is_refused_where_it_is_written(space_value, gpus):
    for part, key in (("resources", "gpus"), ("relabel", "gpus_per_actor")):
        value = space_value(**{part: {key: gpus}})
        with pytest.raises(MtlkdError) as caught:
            decode_space(value, where="space.yaml")
        assert caught.value.where == f"space.yaml: {part}.{key}"


@pytest.fixture
def prepared(space_value):
    """A sweep whose trials hold .8 of a GPU beside two shared actors with .6 each."""
    value = space_value(
        relabel={"where": "shared", "pool_size": 2, "gpus_per_actor": 0.6}, resources={"gpus": 0.8}, setups=["similar"]
    )
    return prepare(decode_space(value, where="space.yaml"), data_dir=None, say=lambda _: None)


@pytest.fixture
def there(monkeypatch):
    """What this machine's cluster has."""
    resources = {"CPU": 2.0, "GPU": 3.0}
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(module.ray, "cluster_resources", lambda: resources)
    return resources


def test_a_trial_and_its_actors_fit_where_no_share_is_cut_in_two(prepared, there, monkeypatch, refused):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    check_room(prepared)
    there["GPU"] = 2.0
    with refused():
        check_room(prepared)


@pytest.mark.usefixtures("there")
def test_gpus_that_pytorch_does_not_find_are_an_error_before_any_trial(prepared, monkeypatch, refused):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with refused():
        check_room(prepared)


def test_a_cluster_that_others_made_may_still_grow(prepared, there, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "host:1")
    there["GPU"] = 0.0
    check_room(prepared)
