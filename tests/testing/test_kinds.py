"""This package's kinds and metrics keep their promises; one that breaks a promise is told which."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.tasks.kinds import KINDS
from ray_mtlkd.tasks.metrics import METRICS, Metric
from ray_mtlkd.testing import check_kind, check_metric


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_keeps_its_promises(name):
    check_kind(name)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_keeps_its_promises(name):
    check_metric(METRICS[name])


SOUND = KINDS["multiclass"]
RULE = next(iter(SOUND.losses.values()))


def losing(**members):
    return replace(SOUND, losses={"own": replace(RULE, **members)})


def _whole(outputs, labels, smoothing, groups):
    return RULE.hard(outputs, labels, smoothing, groups).mean()


def _upwards(outputs, labels, smoothing, groups):
    return (
        outputs.exp().sum(1).detach() * 2 - RULE.hard(outputs, labels, smoothing, groups).detach() + outputs.sum(1) * 0
    )


def _away(outputs, soft, temperature, groups):
    return 3 - (outputs - soft).square().sum(1)


BROKEN_KINDS = {
    "the loss of 24 is ()": losing(hard=_whole),
    "the loss does not fall": losing(hard=_upwards),
    "a teacher's loss is not least": losing(soft=_away),
    "what the loss is divided by is 0": losing(start=lambda task: ((0.0,) * 3, 0)),
    "the constant predictor's outputs are ()": replace(SOUND, constant=lambda task, labels: np.float32(0)),
    "predictions of 24 outputs": replace(SOUND, predict=lambda task, outputs: outputs[:2]),
    "outside [0, 1]": replace(SOUND, confidence=lambda outputs, predicted: outputs.max(1) + 2),
    "odd is nan": replace(SOUND, metrics={"odd": lambda task, outputs, labels, offsets: float("nan")}),
    "`describe` says nothing": replace(SOUND, describe=lambda task, labels, offsets: None),
    "`fit` gives a NoneType": replace(SOUND, fit=lambda task, labels, offsets, where: None),
}


@pytest.mark.parametrize("said", BROKEN_KINDS)
def test_a_broken_kind_is_told(said, monkeypatch):
    monkeypatch.setitem(KINDS._members, said, BROKEN_KINDS[said])
    with pytest.raises(AssertionError, match=re.escape(said)):
        check_kind(said)


def test_what_is_no_kind_is_told():
    with pytest.raises(MtlkdError, match="is no kind: a Metric is no"):
        check_kind("tests.testing.test_kinds:SOUND_METRIC")


def _share_right(task, outputs, labels, offsets):
    return float((outputs.argmax(1) == labels).mean())


def measuring(measure=_share_right, **members):
    return Metric(name="own", measures={"multiclass": measure}, **members)


BROKEN_METRICS = {
    "fits no kind": Metric(name="own"),
    "is 1.0 where all is right": measuring(perfect=2.0),
    "the opposite of what is right is as good": measuring(sign=-1),
    "not a finite number": measuring(lambda task, outputs, labels, offsets: None),
    "another number each time": measuring(lambda *_: torch.rand(()).item()),
}


SOUND_METRIC = measuring()


def test_a_sound_metric_passes():
    check_metric(SOUND_METRIC)


@pytest.mark.parametrize("said", BROKEN_METRICS)
def test_a_broken_metric_is_told(said):
    with pytest.raises(AssertionError, match=re.escape(said)):
        check_metric(BROKEN_METRICS[said])
