"""A way of sharing, or a regularizer, that breaks one promise is told which."""

import pytest
import torch
from torch import nn

from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.models.sharing.adapters import Adapters
from ray_mtlkd.models.sharing.cross_stitch import CrossStitch
from ray_mtlkd.models.sharing.low_level import LowLevel
from ray_mtlkd.models.sharing.sluice import Sluice
from ray_mtlkd.testing import check_regularizer, check_sharing
from tests.sharings import EVERY, Decay, Mixture, MixtureModel, Serial, SerialModel

ENCODERS = {"bag": BagOfNgrams(hidden=(4, 2)), "cnn": Cnn(embedding=4, channels=3, widths=(1, 3), wide=4)}


@pytest.mark.parametrize("name", EVERY)
def test_this_package_s_and_others_ways_keep_their_promises(name):
    check_sharing(EVERY[name])


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("name", EVERY)
def test_they_keep_them_on_texts(name, encoder):
    check_sharing(EVERY[name], encoder=ENCODERS[encoder])


def sharing(kind, model, **members):
    def build(self, encoder, tasks):
        found = type("Broken", (model,), members)
        return found(encoder, tasks, 2) if model is MixtureModel else found(encoder, tasks)

    return document(type("Broken", (kind,), {"build": build}))()


def _mixture(**members):
    return sharing(Mixture, MixtureModel, **members)


def _serial(**members):
    return sharing(Serial, SerialModel, **members)


def _more(self, encoder, tasks, experts):
    MixtureModel.__init__(self, encoder, tasks, experts)
    self.spare = nn.Linear(1, 1)


def _fewer(self, inputs, tasks):
    found = MixtureModel.outputs(self, inputs, tasks)
    return found if len(tasks) == 1 else found[:-1]


def _mixed_up(self, inputs, tasks):
    return (
        MixtureModel.outputs(self, inputs, tasks)
        if len(tasks) == 1
        else MixtureModel.outputs(self, inputs, tasks[::-1])
    )


def _counted(self, encoder, tasks, experts):
    MixtureModel.__init__(self, encoder, tasks, experts)
    self.num_tasks = 1


BROKEN = {
    "spare": _mixture(__init__=_more),
    "fewer": _mixture(outputs=_fewer),
    "mixed up": _mixture(outputs=_mixed_up),
    "counted": _mixture(__init__=_counted),
    "chance": _mixture(penalty=lambda self: torch.rand(()) * self.gates[0].bias.sum()),
    "infinite": _mixture(penalty=lambda self: self.gates[0].bias / 0),
    "constant": _mixture(penalty=lambda self: torch.tensor(1.0)),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_promise_is_told(how, refused):
    with refused(AssertionError):
        check_sharing(BROKEN[how])


def test_what_uses_does_not_name_is_told(refused):
    with refused():
        check_sharing(_serial(uses_to_read=lambda self, task: ((self.heads[task],),)))


@pytest.mark.parametrize(
    "sound",
    [CrossStitch(), Sluice(), Adapters(), LowLevel(layers={"binary_Dense": 2})],
    ids=["cross_stitch", "sluice", "bottleneck", "low_level"],
)
def test_a_way_that_acts_between_layers_and_does_not_say_so_is_told(refused, sound):
    check_sharing(sound)
    silent = document(type("Silent", (type(sound),), {"whole_layers": None}))
    with refused(AssertionError):
        check_sharing(silent(**vars(sound)))


def regularizer(penalty):
    return document(type("Broken", (Decay,), {"penalty": penalty}))()


def test_a_sound_regularizer_passes():
    check_regularizer(Decay())


@pytest.mark.parametrize(
    "penalty",
    [
        lambda self, model: None,
        lambda self, model: torch.zeros(2),
        lambda self, model: torch.tensor(0.0),
    ],
    ids=["nothing", "matrix", "constant"],
)
def test_a_broken_regularizer_is_told(penalty, refused):
    with refused(AssertionError):
        check_regularizer(regularizer(penalty))
