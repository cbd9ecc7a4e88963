import math

import pytest
import torch

from ray_mtlkd.training.step.agreement import TaskAgreement, agreement
from ray_mtlkd.training.step.weighing import StepReport


def _step(gram, losses, *, lr=0.1, tasks=(0, 1)):
    return StepReport(tasks=tasks, losses=losses, weights=(1.0,) * len(tasks), gram=gram, lr=lr)


def _of(*steps, tasks=2):
    return agreement(((step, frozenset(distilling)) for step, distilling in steps), tasks=tasks)


def test_affinity_is_what_a_small_step_for_one_task_takes_off_the_loss_of_another():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(2, 30, 4, generator=generator, dtype=torch.float64)
    labels = torch.randn(2, 30, generator=generator, dtype=torch.float64)
    parameters = torch.randn(4, generator=generator, dtype=torch.float64)

    def loss(task, at):
        return (inputs[task] @ at).tanh().sub(labels[task]).square().mean()

    leaf = parameters.clone().requires_grad_()
    gradients = [torch.autograd.grad(loss(task, leaf), leaf)[0] for task in (0, 1)]
    gram = tuple(tuple(float(one @ other) for other in gradients) for one in gradients)
    lr = 1e-4
    found = _of((_step(gram, tuple(float(loss(task, parameters)) for task in (0, 1)), lr=lr), ()))
    for first in (0, 1):
        ahead = parameters - lr * gradients[first]
        looked = [1 - float(loss(task, ahead) / loss(task, parameters)) for task in (0, 1)]
        # what is left out is of the second order in lr
        assert found.mean_affinities(first) == pytest.approx(looked, rel=1e-2)


def test_means_are_over_the_steps_in_which_both_tasks_learned_from_labels():
    one = _step(((4.0, 2.0), (2.0, 4.0)), (1.0, 2.0))
    other = _step(((1.0, -0.5), (-0.5, 1.0)), (1.0, 1.0))
    late = _step(((9.0, 9.0), (9.0, 9.0)), (1.0, 1e-9))
    found = _of((one, ()), (other, ()), (late, {1}))
    assert found.mean_cosines(0) == pytest.approx([1.0, 0.0])
    assert found.mean_affinities(0) == pytest.approx([0.1 * (4 + 1) / 2, 0.1 * (1 - 0.5) / 2])
    assert found == _of((one, ())).plus(_of((other, ())))


def test_conflict_is_the_share_of_meetings_with_others_in_which_gradients_point_apart():
    first = _step(((4.0, -2.0, 1.0), (-2.0, 4.0, 0.0), (1.0, 0.0, 1.0)), (1.0, 1.0, 1.0), tasks=(0, 1, 2))
    other = _step(((1.0, -0.5), (-0.5, 1.0)), (1.0, 1.0), tasks=(0, 2))
    late = _step(((9.0, -9.0), (-9.0, 9.0)), (1.0, 1.0))
    found = _of((first, ()), (other, ()), (late, {1}), tasks=3)
    assert [found.conflict(task) for task in range(3)] == [2 / 3, 1 / 2, 1 / 3]
    assert found == _of((first, ()), tasks=3).plus(_of((other, ()), tasks=3))


def test_tasks_that_never_met_have_no_number():
    pair = _step(((1.0, 1.0), (1.0, 1.0)), (1.0, 1.0), tasks=(0, 2))
    found = _of((pair, ()), tasks=3)
    assert found.mean_cosines(0) == [1.0, None, 1.0]
    assert found.mean_cosines(1) == [None, None, None]
    assert [found.conflict(task) for task in range(3)] == [0.0, None, 0.0]


@pytest.mark.parametrize("gram", [((0.0, 0.0), (0.0, 1.0)), ()], ids=["a gradient of 0", "nothing measured"])
def test_what_was_not_measured_is_no_number(gram):
    found = _of((_step(gram, (1.0, 1.0)), ()))
    assert all(value is None for value in found.mean_affinities(0))
    assert found.conflict(0) is None
    assert TaskAgreement().plus(found) == found.plus(TaskAgreement()) == found


def test_one_task_alone_agrees_with_nobody():
    assert _of((_step(((1.0,),), (1.0,), tasks=(1,)), ())) == TaskAgreement()


def test_a_loss_of_0_divides_nothing():
    found = _of((_step(((1.0, 1.0), (1.0, 1.0)), (1.0, 0.0)), ()))
    assert found.mean_affinities(0)[1] is None
    assert not math.isnan(found.mean_affinities(0)[0])
