"""An encoder that breaks one promise is told which."""

from collections.abc import Mapping
from typing import ClassVar

import pytest
import torch
from torch import nn

from ray_mtlkd.data.features import DenseFeatures
from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders.base import Encoder
from ray_mtlkd.testing import check_encoder
from ray_mtlkd.testing.examples import COLUMNS


class Network(Encoder):
    """Sound: one layer on the numbers."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(COLUMNS, 3)

    def forward(self, inputs, tasks):
        return (self.first(inputs.values).relu(),) * len(tasks)

    def width(self, task):
        return 3

    def parts(self, task):
        return (self.first,)


@document
class OneLayer:
    """Builds it."""

    name: ClassVar[str] = "one_layer"
    forms: ClassVar[Mapping[str, str]] = {"binary": "Dense", "regression": "Dense"}
    network: ClassVar[type] = Network

    dropout: float = 0.0
    join: int = 4

    @property
    def features(self):
        return DenseFeatures()

    def build(self, layouts, kinds):
        return self.network()


def config(**members):
    return document(type("Broken", (OneLayer,), members))()


def network(**members):
    return config(network=type("Broken", (Network,), members))


def _whole_batch(self, inputs, tasks):
    return (self.first(inputs.values - inputs.values.mean(0)),) * len(tasks)


def _in_place(self, inputs, tasks):
    inputs.values.add_(1)
    return Network.forward(self, inputs, tasks)


def _noisy(self, inputs, tasks):
    return (self.first(inputs.values) + torch.rand(3),) * len(tasks)


def _constant(self, inputs, tasks):
    return (self.first(torch.ones_like(inputs.values)),) * len(tasks)


def _infinite(self, inputs, tasks):
    return (self.first(inputs.values) / 0,) * len(tasks)


def _short(self, inputs, tasks):
    return (self.first(inputs.values)[:-1],) * len(tasks)


class Unused(Network):
    def __init__(self):
        super().__init__()
        self.second = nn.Linear(1, 1)

    def parts(self, task):
        return (self.first, self.second)


class Unseeded(Network):
    def __init__(self):
        super().__init__()
        nn.init.normal_(self.first.weight, generator=Unseeded.chance)

    chance = torch.Generator()


BROKEN = {
    "whole batch": network(forward=_whole_batch),
    "in place": network(forward=_in_place),
    "noisy": network(forward=_noisy),
    "constant": network(forward=_constant),
    "infinite": network(forward=_infinite),
    "short": network(forward=_short),
    "no parts": network(parts=lambda self, task: ()),
    "unused": config(network=Unused),
    "unseeded": config(network=Unseeded),
    "bare": document(type("Bare", (), {"name": "bare", **dict.fromkeys(("forms", "features", "build", "dropout"))}))(),
}


def test_one_that_serves_what_nobody_knows_is_told(refused):
    with refused():
        check_encoder(config(forms={"novel": "Dense"}))


def test_a_sound_one_passes():
    check_encoder(OneLayer())


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_promise_is_told(how, refused):
    with refused(AssertionError):
        check_encoder(BROKEN[how])
