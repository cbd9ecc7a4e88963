import copy

import pytest
import torch

from ray_mtlkd.training.optimizer.optimizer import Optimizer, clip
from ray_mtlkd.training.settings import Optimization


def _parameters(scale):
    generator = torch.Generator().manual_seed(1)
    dense = torch.nn.Parameter(torch.zeros(3, 2))
    dense.grad = scale * torch.randn(3, 2, generator=generator)
    table = torch.nn.Parameter(torch.zeros(5, 2))
    rows = torch.tensor([[4, 1, 4]])  # row 4 twice
    table.grad = torch.sparse_coo_tensor(
        rows, scale * torch.randn(3, 2, generator=generator), (5, 2), check_invariants=True
    )
    return [dense, table, torch.nn.Parameter(torch.zeros(1))]


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_clipping_is_torch_s_own_on_the_same_gradients_made_dense(scale):
    clipped, reference = _parameters(scale), _parameters(scale)
    clip(clipped, 1.5)
    for parameter in reference[:2]:
        parameter.grad = parameter.grad.to_dense()
    torch.nn.utils.clip_grad_norm_(reference, 1.5)
    for ours, theirs in zip(clipped[:2], reference[:2], strict=True):
        torch.testing.assert_close(ours.grad.to_dense(), theirs.grad)


class Net(torch.nn.Module):
    """What a user's own encoder may hold: torch's tables with sparse gradients, beside a dense one."""

    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(30, 4, sparse=True)
        self.bags = torch.nn.EmbeddingBag(20, 4, mode="mean", sparse=True)
        self.places = torch.nn.Embedding(6, 4)
        self.dense = torch.nn.Linear(4, 1)

    def rates(self):
        return {}

    def forward(self, ids):
        places = self.places(torch.arange(ids.shape[1]))
        return self.dense((self.words(ids) + places).mean(1) * self.bags(ids % 20)).square().sum()


@pytest.mark.parametrize("clip_norm", [None, 0.1])
def test_torch_s_own_sparse_tables_train_as_with_torch_s_own_optimizers(clip_norm):
    torch.manual_seed(0)
    ours = Net()
    theirs = copy.deepcopy(ours)
    optimizer = Optimizer(ours, Optimization(lr=0.01, weight_decay=0.1, clip_norm=clip_norm))
    tables = [theirs.words.weight, theirs.bags.weight]
    rest = [p for p in theirs.parameters() if all(p is not table for table in tables)]
    references = [torch.optim.SparseAdam(tables, lr=0.01), torch.optim.AdamW(rest, lr=0.01, weight_decay=0.1)]
    for _ in range(10):
        ids = torch.randint(0, 30, (5, 6))
        ours(ids).backward()
        optimizer.step(1.0)
        assert all(parameter.grad is None for parameter in ours.parameters())
        theirs(ids).backward()
        if clip_norm is not None:
            clip(theirs.parameters(), clip_norm)
        for reference in references:
            reference.step()
        theirs.zero_grad()
    for name, parameter in theirs.named_parameters():
        # ten steps of up to 0.01 in float32
        torch.testing.assert_close(ours.get_parameter(name), parameter, rtol=0, atol=2e-6)


def test_gradients_that_are_put_aside_add_up_to_those_of_one_backward_pass():
    torch.manual_seed(0)
    together, apart = (Net() for _ in range(2))
    apart.load_state_dict(together.state_dict())
    batches = [torch.randint(0, 30, (5, 6)) for _ in range(3)]
    given = {}
    for net in (together, apart):
        optimizer = Optimizer(net, Optimization(lr=0.01))
        for _ in range(2):  # a second step must not see the first
            if net is together:
                torch.stack([net(ids) for ids in batches]).sum().backward()
            else:
                for ids in batches:
                    net(ids).backward()
                    optimizer.put_aside()
                    assert net.words.weight.grad is None
                    assert net.dense.weight.grad is not None
            optimizer.step(1.0)
        given[net] = net.state_dict()
    for name, tensor in given[together].items():
        torch.testing.assert_close(given[apart][name], tensor, rtol=0, atol=1e-6)


def test_a_table_that_no_batch_used_keeps_its_state_and_its_steps():
    net = Net()
    optimizer = Optimizer(net, Optimization(lr=0.01))
    net(torch.zeros(1, 2, dtype=torch.int64)).backward()
    net.words.weight.grad = None
    before = net.words.weight.detach().clone()
    optimizer.step(1.0)
    assert torch.equal(net.words.weight, before)
    assert optimizer.tensors()["sparse.steps"].tolist() == [0, 1]
