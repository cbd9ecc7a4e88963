"""Sums of a table's rows and their sparse gradient, beside plain matrices."""

from itertools import pairwise

import pytest
import torch

from ray_mtlkd.models.rows import RowSums, distinct, put, sums, zeros

IDS = torch.tensor([7, 2, 7, 7, 0, 9, 2])
OFFSETS = torch.tensor([0, 3, 3, 6, 7])  # the second bag is empty
WEIGHTS = torch.tensor([0.5, -1.0, 2.0, 3.0, 0.25, 1.0, -2.0], dtype=torch.float64)


def _matrix(weights):
    """The bags as the rows of a dense matrix [4, 10]."""
    matrix = torch.zeros(4, 10, dtype=torch.float64)
    bags = torch.repeat_interleave(torch.arange(4), OFFSETS.diff())
    return matrix.index_put_((bags, IDS), torch.ones(7).double() if weights is None else weights, accumulate=True)


def _table():
    return torch.randn(10, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


each_weights = pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])


@each_weights
def test_sums_are_the_product_with_the_bags_as_a_matrix(weights):
    torch.testing.assert_close(sums(_table(), IDS, OFFSETS, weights), _matrix(weights) @ _table())


@each_weights
def test_the_gradient_is_the_transposed_product_with_each_distinct_row_once_and_ascending(weights):
    table = _table().requires_grad_()
    seed = torch.randn(4, 3, dtype=torch.float64)
    summed = RowSums.apply(table, IDS, OFFSETS, weights)
    for factor in (1.0, 2.0):  # tasks that share a batch go back through it one after the other
        (found,) = torch.autograd.grad(summed, table, factor * seed, retain_graph=True)
        assert found.is_coalesced()
        assert found.indices()[0].tolist() == [0, 2, 7, 9]
        torch.testing.assert_close(found.to_dense(), factor * _matrix(weights).T @ seed)


def test_a_gradient_that_is_one_number_spread_out_is_taken_as_it_is():
    table = _table().requires_grad_()
    RowSums.apply(table, IDS, OFFSETS, WEIGHTS).sum().backward()  # strides of 0
    torch.testing.assert_close(table.grad.to_dense(), _matrix(WEIGHTS).T @ torch.ones(4, 3).double())


def test_bags_that_are_all_empty_have_a_gradient_without_rows():
    table = _table().requires_grad_()
    summed = RowSums.apply(table, IDS[:0], torch.zeros(4, dtype=torch.int64), WEIGHTS[:0])
    assert summed.tolist() == [[0.0] * 3] * 3
    summed.sum().backward()
    assert table.grad._nnz() == 0
    assert table.grad.to_dense().tolist() == torch.zeros(10, 3).tolist()


def test_distinct_ids_and_where_each_one_stands():
    found, order, starts = distinct(IDS)
    assert found.tolist() == [0, 2, 7, 9]
    places = [sorted(order[start:stop].tolist()) for start, stop in pairwise(starts)]
    assert places == [[4], [1, 6], [0, 2, 3], [5]]


@pytest.mark.parametrize("width", [1, 3, 4, 6, 128])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_are_overwritten_bit_for_bit_and_no_others_at_any_width(width, dtype):
    table, values = torch.randn(20, width, dtype=dtype), torch.randn(3, width, dtype=dtype)
    values[1] = torch.tensor([float("nan"), float("inf"), -0.0, 1e-42]).to(dtype).repeat(width)[:width]
    rows, expected = torch.tensor([2, 11, 19]), table.clone()
    expected[rows] = values
    put(table, rows, values)
    assert torch.equal(table.view(torch.uint8), expected.view(torch.uint8))


def test_a_table_of_zeros_can_be_written_and_trained():
    table = zeros(5, 3)
    assert table.dtype == torch.float32
    assert torch.equal(table, torch.zeros(5, 3))
    table.requires_grad_()
    RowSums.apply(table, IDS[:1] - 7, torch.tensor([0, 1]), None).sum().backward()
    assert table.grad.to_dense()[0].tolist() == [1.0] * 3
