"""The matrix of per-task gradients against plain autograd."""

import pytest
import torch
from torch import nn

from ray_mtlkd.strategies.balancers.cagrad import CAGrad
from ray_mtlkd.strategies.balancers.config import ConFIG
from ray_mtlkd.strategies.balancers.dual_proj import DualProj
from ray_mtlkd.strategies.balancers.fairgrad import FairGrad
from ray_mtlkd.strategies.balancers.imtl_g import IMTLG
from ray_mtlkd.strategies.balancers.mgda import MGDA
from ray_mtlkd.strategies.balancers.nash_mtl import NashMTL
from ray_mtlkd.strategies.balancers.upgrad import UPGrad
from ray_mtlkd.training.step.gradients import SharedGradients
from tests.gramians import step


class Net(nn.Module):
    """Two dense shared layers, a sparse shared table and a head a task; task 2 does not use the second layer."""

    def __init__(self):
        super().__init__()
        self.table = nn.EmbeddingBag(50, 4, mode="sum", sparse=True)
        self.first = nn.Linear(4, 5)
        self.second = nn.Linear(5, 5)
        self.heads = nn.ModuleList(nn.Linear(5, 2) for _ in range(3))

    def forward(self, task, ids):
        hidden = self.first(self.table(ids)).tanh()
        return self.heads[task](hidden if task == 2 else self.second(hidden).tanh())

    def shared(self):
        return (*self.first.parameters(), *self.second.parameters())

    def shared_sparse(self):
        return (self.table.weight,)

    def own(self, task):
        deep = self.second.parameters() if task == self.alone else ()
        return (*deep, *self.heads[task].parameters())

    def last_shared(self):
        return tuple(self.second.parameters())

    num_tasks = 3
    alone = None


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Net().double()


def _loss(net, task):
    # repeated ids within and across tasks
    ids = torch.tensor([[1, 2, 2], [3, 4 + task, 7]])
    return net(task, ids).square().sum() * (task + 1)


def _reference(net, task):
    net.zero_grad()
    _loss(net, task).backward()
    named = {
        name: torch.zeros_like(p) if p.grad is None else p.grad.to_dense().clone() for name, p in net.named_parameters()
    }
    net.zero_grad()
    return named


def _filled(net, tasks):
    matrix = SharedGradients(net)
    for _ in range(2):  # a second step must not see the first
        matrix.begin(tasks)
        for task in tasks:
            matrix.backward([task], _loss(net, task))
        matrix.gather(tasks)
    return matrix


def _shared_names(net):
    return [name for name, _ in net.named_parameters() if not name.startswith("heads")]


@pytest.mark.parametrize("tasks", [(0, 1, 2), (0, 2), (1,)])
def test_the_gram_matrix_holds_the_inner_products_of_all_shared_gradients(net, tasks):
    references = [_reference(net, task) for task in tasks]
    flat = torch.stack([torch.cat([r[name].flatten() for name in _shared_names(net)]) for r in references])
    torch.testing.assert_close(_filled(net, tasks).gram(tasks), flat @ flat.T)


@pytest.mark.parametrize("tasks", [(0, 1, 2), (0, 2), (1,)])
def test_the_update_is_the_weighted_sum_of_the_gradients(net, tasks):
    weights = [0.5, -1.5, 2.0][: len(tasks)]
    references = [_reference(net, task) for task in tasks]
    _filled(net, tasks).combine(tasks, weights)
    parameters = dict(net.named_parameters())
    for name in _shared_names(net):
        expected = sum(w * r[name] for w, r in zip(weights, references, strict=True))
        torch.testing.assert_close(parameters[name].grad.to_dense(), expected)
    assert net.table.weight.grad.is_sparse


def test_norms_are_taken_at_the_last_shared_layer(net):
    tasks = (0, 1)
    references = [_reference(net, task) for task in tasks]
    expected = [torch.cat([r["second.weight"].flatten(), r["second.bias"]]).norm() for r in references]
    torch.testing.assert_close(_filled(net, tasks).norms(tasks), torch.stack(expected))


def test_norms_count_the_touched_rows_where_the_last_shared_layer_is_a_hash_table(net):
    net.last_shared = net.shared_sparse
    references = [_reference(net, task) for task in (0, 1)]
    expected = [r["table.weight"].norm() for r in references]
    torch.testing.assert_close(_filled(net, (0, 1)).norms((0, 1)), torch.stack(expected))


def test_a_task_leaves_no_trace_in_another_ones_row(net):
    tasks = (0, 1, 2)
    gram = _filled(net, tasks).gram(tasks)
    alone = _filled(net, (1,)).gram((1,))
    torch.testing.assert_close(gram[1, 1], alone[0, 0])


def test_own_parameters_get_their_own_gradient(net):
    reference = _reference(net, 1)
    matrix = SharedGradients(net)
    matrix.begin((0, 1, 2))
    for task in (0, 1, 2):
        matrix.backward([task], _loss(net, task))
    torch.testing.assert_close(net.heads[1].weight.grad, reference["heads.1.weight"])


def test_a_part_of_the_encoder_that_one_task_uses_gets_that_task_s_gradient(net):
    net.alone = 0
    net.shared = lambda: tuple(net.first.parameters())
    net.last_shared = net.shared
    matrix = SharedGradients(net)
    matrix.begin([0, 2])
    ids = torch.tensor([[1, 2, 2], [3, 4, 7]])
    hidden = net.first(net.table(ids)).tanh()
    deep = net.second(hidden).tanh()
    seeds = [torch.full_like(deep, 0.5), torch.full_like(hidden, 2.0)]
    expected = torch.autograd.grad(deep, net.second.weight, seeds[0], retain_graph=True)[0]
    shared = torch.autograd.grad((deep, hidden), net.first.weight, seeds, retain_graph=True)[0]
    matrix.backward_through([0, 2], [(deep,), (hidden,)], [[seeds[0]], [seeds[1]]])
    matrix.gather([0, 2])
    matrix.combine([0, 2], (1.0, 1.0))
    torch.testing.assert_close(net.second.weight.grad, expected)
    torch.testing.assert_close(net.first.weight.grad, shared)


def test_tasks_that_share_a_batch_get_the_gradients_of_a_backward_each(net):
    ids = torch.tensor([[1, 2, 2], [3, 4, 7]])
    matrix = SharedGradients(net)
    tasks = [0, 2]
    for _ in range(2):  # a second step must not see the first
        matrix.begin(tasks)
        for _ in range(2):  # two parts of one batch add up
            hidden = net.first(net.table(ids)).tanh()
            deep = net.second(hidden).tanh()
            reads = [(hidden, deep), (hidden,)]
            leaves = [tuple(tensor.detach().requires_grad_() for tensor in read) for read in reads]
            losses = [net.heads[0](leaves[0][0] + leaves[0][1]).square().sum(), net.heads[2](leaves[1][0]).sum()]
            torch.autograd.backward(losses)
            gradients = [[leaf.grad for leaf in each] for each in leaves]
            matrix.backward_through(tasks, reads, gradients)
        matrix.gather(tasks)

    def textbook(task):
        hidden = net.first(net.table(ids)).tanh()
        loss = (
            net.heads[0](hidden + net.second(hidden).tanh()).square().sum() if task == 0 else net.heads[2](hidden).sum()
        )
        parameters = (*net.shared(), *net.shared_sparse())
        found = torch.autograd.grad(loss, parameters, allow_unused=True)
        parts = [torch.zeros_like(p) if g is None else g.to_dense() for p, g in zip(parameters, found, strict=True)]
        return 2 * torch.cat([part.flatten() for part in parts])

    flat = torch.stack([textbook(task) for task in tasks])
    torch.testing.assert_close(matrix.gram(tasks), flat @ flat.T)
    matrix.combine(tasks, (0.3, 2.0))
    update = [p.grad.to_dense().flatten() for p in (*net.shared(), *net.shared_sparse())]
    torch.testing.assert_close(torch.cat(update), 0.3 * flat[0] + 2.0 * flat[1])


def _passed_back(net, tasks):
    """The tasks' heads read the second layer; what they read, and random gradients by it."""
    ids = torch.tensor([[1, 2, 2], [3, 4, 7]])
    deep = net.second(net.first(net.table(ids)).tanh()).tanh()
    return [(deep,) for _ in tasks], [(torch.randn_like(deep),) for _ in tasks]


def test_measuring_only_the_last_shared_layer_changes_neither_norms_nor_update(net):
    tasks, weights = [0, 2], (0.5, 2.0)
    found = []
    for only_last in (False, True):
        torch.manual_seed(1)
        net.zero_grad()
        matrix = SharedGradients(net, only_last=only_last)
        for _ in range(2):  # a second step must not see the first
            matrix.begin(tasks)
            matrix.backward_through(tasks, *_passed_back(net, tasks))
            matrix.gather(tasks)
        norms = matrix.norms(tasks)
        matrix.combine(tasks, weights)
        found.append((norms, [p.grad.to_dense().clone() for p in (*net.shared(), *net.shared_sparse())]))
        net.zero_grad()
    torch.testing.assert_close(found[1], found[0])


def test_measuring_only_the_last_shared_layer_serves_a_task_that_has_the_batch_to_itself(net):
    reference = _reference(net, 1)
    matrix = SharedGradients(net, only_last=True)
    matrix.begin([1])
    matrix.backward([1], _loss(net, 1))
    matrix.gather([1])
    matrix.combine([1], (3.0,))
    for name in _shared_names(net):
        torch.testing.assert_close(dict(net.named_parameters())[name].grad.to_dense(), 3.0 * reference[name])
    torch.testing.assert_close(net.heads[1].weight.grad, reference["heads.1.weight"])


class Wide(nn.Module):
    """A million shared parameters, whose gradient by the loss of a task is that task's direction."""

    num_tasks = 3

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1_000_000))
        drawn = torch.randn(2, len(self.weight), generator=torch.Generator().manual_seed(0))
        self.directions = (*drawn, -drawn.sum(0))

    def shared(self):
        return (self.weight,)

    def shared_sparse(self):
        return ()

    def own(self, _task):
        return ()

    def last_shared(self):
        return (self.weight,)


ALL_HARM = (NashMTL(), FairGrad(), UPGrad(), DualProj(), MGDA(), CAGrad())
"""Balancers that do not move where no direction is good for all tasks."""


@pytest.mark.parametrize("balancer", [*ALL_HARM, IMTLG(), ConFIG()], ids=lambda each: each.name)
def test_gradients_of_a_million_float32_numbers_that_cancel_are_weighed_as_such(balancer):
    net = Wide()
    matrix = SharedGradients(net)
    matrix.begin((0, 1, 2))
    for task, direction in enumerate(net.directions):
        matrix.backward([task], (net.weight * direction).sum())
    matrix.gather((0, 1, 2))
    signals = step(matrix.gram((0, 1, 2)))
    shared = balancer.weigh(signals, balancer.init(3))[0].shared
    matrix.combine((0, 1, 2), shared)
    lengths = [float(direction.norm()) for direction in net.directions]
    assert max(abs(weight) * length for weight, length in zip(shared, lengths, strict=True)) <= 10 * sum(lengths)
    if balancer in ALL_HARM:
        assert float(net.weight.grad.norm()) <= 1e-3 * sum(lengths)
