import pytest
import torch
from torch import nn

from ray_mtlkd.models.encoders.layers import HashTable
from ray_mtlkd.models.rows import put, zeros

IDS = torch.tensor([7, 2, 7, 7, 0, 9, 2])
OFFSETS = torch.tensor([0, 3, 3, 6, 7])  # one bag is empty
WEIGHTS = torch.linspace(-1, 2, len(IDS))


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["counted", "weighted"])
def test_a_hash_table_is_torch_s_embedding_bag_with_each_row_once_in_its_gradient(weights):
    torch.manual_seed(0)
    ours = HashTable(12, 5, std=1.0)
    theirs = nn.EmbeddingBag(12, 5, mode="sum", include_last_offset=True, _weight=ours.weight.detach().clone())
    found, expected = (table(IDS, OFFSETS, per_sample_weights=weights) for table in (ours, theirs))
    torch.testing.assert_close(found, expected)
    seed = torch.randn_like(found)
    found.backward(seed, retain_graph=True)
    expected.backward(seed)
    assert ours.weight.grad.is_sparse
    assert ours.weight.grad._indices()[0].tolist() == [0, 2, 7, 9]
    torch.testing.assert_close(ours.weight.grad.to_dense(), theirs.weight.grad)
    again = torch.autograd.grad(found, ours.weight, seed)[0]  # another task's way back through the same batch
    torch.testing.assert_close(again.to_dense(), theirs.weight.grad)


@pytest.mark.parametrize("width", [3, 4])
def test_rows_are_overwritten_bit_for_bit(width):
    table = zeros(6, width)
    values = torch.full((2, width), torch.nan).index_fill_(1, torch.tensor([0]), -0.0)
    put(table, torch.tensor([4, 1]), values)
    assert torch.equal(table[[4, 1]].view(torch.int32), values.view(torch.int32))
    assert not table[[0, 2, 3, 5]].any()


def test_a_hash_table_without_ids_gives_zeros_and_changes_nothing():
    table = HashTable(12, 5, std=1.0)
    summed = table(IDS[:0], torch.zeros(3, dtype=torch.int64))
    assert summed.shape == (2, 5)
    assert not summed.any()
    summed.sum().backward()
    assert not table.weight.grad.to_dense().any()
