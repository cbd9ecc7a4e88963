"""Losses of labels that do not count alike."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ray_mtlkd.tasks.kinds import KINDS
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.step.losses import distillations, losses

TASKS = {
    "binary": Task(name="yes", kind="binary", metric="f1", classes=("no", "yes")),
    "multiclass": Task(name="which", kind="multiclass", metric="accuracy", classes=("a", "b", "c")),
    "multilabel": Task(name="any", kind="multilabel", metric="micro_f1", classes=("p", "q")),
    "regression": Task(name="much", kind="regression", metric="rmse"),
    "tagging": Task(name="where", kind="tagging", metric="span_f1", classes=("O", "B-X", "I-X")),
}
COUNTS = torch.tensor([0.0, 1.0, 2.0, 1.0, 0.0, 2.0])


def _drawn(kind):
    rng = torch.Generator().manual_seed(0)
    if kind in {"multiclass", "tagging"}:
        return torch.randn(6, 3, generator=rng), torch.tensor([0, 1, 2, 0, 1, 2])
    if kind == "multilabel":
        return torch.randn(6, 2, generator=rng), torch.tensor([[0, 1], [1, 0], [1, 1], [0, 0], [0, 1], [1, 0]]).float()
    outputs = torch.randn(6, generator=rng)
    return outputs, torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0, 0.0]) if kind == "binary" else torch.arange(6).double()


def _repeated(tensor):
    return tensor.repeat_interleave(COUNTS.long(), dim=0)


@pytest.mark.parametrize("kind", TASKS)
def test_a_label_that_counts_twice_is_one_that_stands_there_twice(kind):
    outputs, labels = _drawn(kind)
    counted = losses([TASKS[kind]], [outputs], [labels], counts=[COUNTS])
    torch.testing.assert_close(counted, losses([TASKS[kind]], [_repeated(outputs)], [_repeated(labels)]))
    soft = outputs.flip(0)
    taught = distillations([TASKS[kind]], [outputs], [soft], temperature=2.0, counts=[COUNTS])
    again = distillations([TASKS[kind]], [_repeated(outputs)], [_repeated(soft)], temperature=2.0)
    torch.testing.assert_close(taught, again)


@pytest.mark.parametrize("kind", sorted(TASKS))
def test_tasks_go_through_a_loss_together_whether_they_count_alike_or_not(kind):
    outputs, labels = _drawn(kind)
    alone = [losses([TASKS[kind]], [outputs], [labels], counts=[counts]) for counts in (None, COUNTS)]
    together = losses([TASKS[kind]] * 2, [outputs] * 2, [labels] * 2, counts=[None, COUNTS])
    torch.testing.assert_close(together, torch.cat(alone))


@pytest.mark.parametrize("kind", sorted(TASKS))
def test_the_best_constant_predictor_loses_one_by_what_labels_count(kind):
    _, labels = _drawn(kind)
    labels = torch.cat([labels] * 1000)  # the prior of answers is that of half a row more of each
    counts = COUNTS.repeat(1000)
    fitted = KINDS[kind].fit(TASKS[kind], labels.numpy(), None, counts.double().numpy(), "x")
    (rule,) = KINDS[kind].losses.values()
    outputs = torch.tensor(rule.start(fitted)[0]).expand(len(labels), -1)
    outputs = outputs[:, 0] if KINDS[kind].is_scalar else outputs
    assert losses([fitted], [outputs], [labels], counts=[counts]).item() == pytest.approx(1.0, rel=1e-3)


def test_weights_of_one_change_no_prior():
    labels = np.array([0, 1, 1, 2])
    plain = KINDS["multiclass"].fit(TASKS["multiclass"], labels, None, None, "x")
    assert KINDS["multiclass"].fit(TASKS["multiclass"], labels, None, np.ones(4), "x") == replace(
        plain, prior=pytest.approx(plain.prior)
    )
