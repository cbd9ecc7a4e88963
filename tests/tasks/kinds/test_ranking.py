import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional

from ray_mtlkd.tasks.kinds import KINDS, unit
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.step.losses import distillations, losses

KIND = KINDS["ranking"]
TASK = Task(name="t", kind="ranking", metric="map", group="query")
PAIRWISE = replace(TASK, loss="pairwise")
LABELS = np.array([1, 0, 0, 2, 1, 0, 0, 0, 3], np.float32)
GROUPS = np.array([0, 3, 6, 8, 9])
"""Groups of three, three, two without a relevant row, and a row alone."""


def fit(task, labels=LABELS, groups=GROUPS):
    return KIND.fit(task, labels, groups, None, "train:label")


def scores(seed=0):
    return torch.randn(len(LABELS), generator=torch.Generator().manual_seed(seed))


def pair_losses(outputs):
    for start, end in pairwise(GROUPS):
        pairs = [(i, j) for i in range(start, end) for j in range(start, end) if LABELS[i] > LABELS[j]]
        yield sum(functional.softplus(outputs[j] - outputs[i]) for i, j in pairs) / max(1, len(pairs))


def list_losses(outputs):
    for start, end in pairwise(GROUPS):
        whole = max(1e-30, LABELS[start:end].sum())
        yield -(torch.tensor(LABELS[start:end] / whole) * outputs[start:end].log_softmax(0)).sum()


@pytest.mark.parametrize(("task", "reference"), [(TASK, list_losses), (PAIRWISE, pair_losses)])
def test_a_loss_is_the_mean_over_queries_of_its_equation(task, reference):
    outputs = scores().requires_grad_()
    (value,) = losses([task], [outputs], [torch.tensor(LABELS)], groups=[torch.tensor(GROUPS)])
    expected = sum(reference(outputs)) / 4
    torch.testing.assert_close(value, expected)
    found, wanted = (torch.autograd.grad(each, outputs, retain_graph=True)[0] for each in (value, expected))
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("task", [TASK, PAIRWISE])
def test_a_query_without_a_relevant_candidate_teaches_nothing(task):
    outputs = scores().requires_grad_()
    (value,) = losses([task], [outputs], [torch.tensor(LABELS)], groups=[torch.tensor(GROUPS)])
    value.backward()
    assert outputs.grad[6:8].tolist() == [0, 0]
    assert outputs.grad[:6].abs().min() > 0


@pytest.mark.parametrize(("task", "expected"), [(TASK, 2 * math.log(3) / 4), (PAIRWISE, 2 * math.log(2) / 4)])
def test_constant_scores_lose_one(task, expected):
    fitted = fit(task)
    assert unit(fitted) == pytest.approx(expected)
    (value,) = losses([fitted], [torch.zeros(9)], [torch.tensor(LABELS)], groups=[torch.tensor(GROUPS)])
    assert value.item() == pytest.approx(1)


def test_a_teacher_is_recalled_list_by_list_whichever_the_loss():
    student, teacher, groups = scores(), scores(1), [torch.tensor(GROUPS)]
    found = [distillations([task], [student], [teacher], temperature=3.0, groups=groups) for task in (TASK, PAIRWISE)]
    said, taught = student / 3, teacher / 3
    expected = [
        9 * functional.kl_div(said[a:b].log_softmax(0), taught[a:b].softmax(0), reduction="sum")
        for a, b in pairwise(GROUPS)
    ]
    torch.testing.assert_close(found[0][0], torch.stack(expected).mean())
    assert torch.equal(*found)


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [1, 1, 0, 0]])
def test_labels_that_order_no_candidates_are_nothing_to_learn(labels, refused):
    with refused():
        fit(TASK, np.array(labels, np.float32), np.array([0, 2, 4]))


def test_labels_are_told_by_query():
    told = KIND.describe(TASK, LABELS, GROUPS)
    assert told.distribution == (
        "4 queries of 1 to 3 candidates, 2.2 in the mean",
        "44.4 % of the candidates are relevant (grades 0, 1, 2, 3)",
    )
    assert told.balance == "1 of 4 queries without a relevant candidate"


def test_rows_without_groups_are_refused(refused):
    with refused(ValueError):
        losses([TASK], [scores()], [torch.tensor(LABELS)])
