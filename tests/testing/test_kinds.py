"""This package's kinds and metrics keep their promises; one that breaks a promise is told which."""

from dataclasses import replace

import numpy as np
import pytest
import torch

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


def _with_entropy(outputs, soft, temperature, groups):
    return RULE.soft(outputs, soft, temperature, groups) + 1


def _nothing_of_nothing(outputs, soft, temperature, groups):
    taught = soft.log_softmax(1)
    return (taught.exp() * (taught - outputs.log_softmax(1))).sum(1)


BROKEN_KINDS = {
    "one loss": losing(hard=_whole),
    "upwards": losing(hard=_upwards),
    "away": losing(soft=_away),
    "with entropy": losing(soft=_with_entropy),
    "nothing of nothing": losing(soft=_nothing_of_nothing),
    "no scale": losing(start=lambda task: ((0.0,) * 3, 0)),
    "one constant": replace(SOUND, constant=lambda task, labels: np.float32(0)),
    "two predictions": replace(SOUND, predict=lambda task, outputs: outputs[:2]),
    "too sure": replace(SOUND, confidence=lambda outputs, predicted: outputs.max(1) + 2),
    "odd metric": replace(SOUND, metrics={"odd": lambda task, outputs, labels, offsets: float("nan")}),
    "silent": replace(SOUND, describe=lambda task, labels, offsets: None),
    "no fit": replace(SOUND, fit=lambda task, labels, offsets, weights, where: None),
}


@pytest.mark.parametrize("how", BROKEN_KINDS)
def test_a_broken_kind_is_told(how, monkeypatch, refused):
    monkeypatch.setitem(KINDS._members, how, BROKEN_KINDS[how])
    with refused(AssertionError):
        check_kind(how)


def test_what_is_no_kind_is_told(refused):
    with refused():
        check_kind("tests.testing.test_kinds:SOUND_METRIC")


def _share_right(task, outputs, labels, offsets):
    return float((outputs.argmax(1) == labels).mean())


def measuring(measure=_share_right, **members):
    return Metric(name="own", measures={"multiclass": measure}, **members)


BROKEN_METRICS = {
    "no kind": Metric(name="own"),
    "perfect": measuring(perfect=2.0),
    "sign": measuring(sign=-1),
    "nothing": measuring(lambda task, outputs, labels, offsets: None),
    "chance": measuring(lambda *_: torch.rand(()).item()),
}


SOUND_METRIC = measuring()


def test_a_sound_metric_passes():
    check_metric(SOUND_METRIC)


@pytest.mark.parametrize("how", BROKEN_METRICS)
def test_a_broken_metric_is_told(how, refused):
    with refused(AssertionError):
        check_metric(BROKEN_METRICS[how])
