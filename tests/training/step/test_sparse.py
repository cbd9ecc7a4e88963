"""Gradients of hash tables, beside the same made dense."""

import pytest
import torch

from ray_mtlkd.training.step.sparse import SparseGradients, total

SHAPE = (40, 3)


def _gradient(rows, seed, *, coalesce=False):
    values = torch.randn(len(rows), 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    made = torch.sparse_coo_tensor(torch.tensor(rows)[None], values, SHAPE, check_invariants=True)
    return made.coalesce() if coalesce else made


@pytest.mark.parametrize(
    "gradients",
    [
        [_gradient([5, 5, 2, 5, 9], 1)],
        [_gradient([5, 2, 9], 1)],
        [_gradient([2, 5, 9], 1)],
        [_gradient([2, 5, 9], 1, coalesce=True)],
        [_gradient([2, 5, 9], 1, coalesce=True), _gradient([9, 3], 2), _gradient([5, 5], 3)],
        [_gradient([], 1)],
    ],
    ids=["rows twice", "unsorted", "as autograd sets it", "coalesced", "several", "empty"],
)
def test_a_total_is_the_sum_with_each_row_once_and_ascending(gradients):
    found = total(gradients)
    assert found.is_coalesced()
    rows = found.indices()[0].tolist()
    assert rows == sorted(set(rows))
    assert set(rows) == {row for gradient in gradients for row in gradient._indices()[0].tolist()}
    torch.testing.assert_close(found.to_dense(), sum(gradient.to_dense() for gradient in gradients))


def test_a_gradient_that_is_in_order_is_not_copied():
    gradient = _gradient([2, 5, 9], 1)
    assert total([gradient]).values().data_ptr() == gradient._values().data_ptr()


class TestTasks:
    """Three tasks and a fourth that waits, over two tables, the second of which is the last shared layer."""

    @pytest.fixture
    def tables(self):
        return [torch.nn.Parameter(torch.zeros(SHAPE, dtype=torch.float64)) for _ in range(2)]

    @pytest.fixture
    def parts(self):
        """By task, what its batches gave by each table."""
        return {
            0: [[_gradient([1, 4, 4], 1), _gradient([4, 8, 30], 2)]],
            1: [[_gradient([4, 30, 2], 3), None], [_gradient([2, 7], 4), _gradient([8], 5)]],
            3: [[None, _gradient([39, 30, 8], 6)]],
        }

    @pytest.fixture
    def gathered(self, tables, parts):
        gradients = SparseGradients(tables, last={id(tables[1])})
        for _ in range(2):  # a second step must not see the first
            gradients.begin([0, 1, 3])
            for task, batches in parts.items():
                for batch in batches:
                    gradients.keep(task, batch)
            gradients.gather([0, 1, 3])
        return gradients

    @pytest.fixture
    def dense(self, parts):
        """Every task's gradient by both tables [3, 2, 120]."""
        nothing = torch.zeros(SHAPE, dtype=torch.float64)
        return torch.stack(
            [
                torch.stack(
                    [
                        sum((part.to_dense() for part in each if part is not None), nothing)
                        for each in zip(*batches, strict=True)
                    ]
                )
                for batches in parts.values()
            ]
        ).flatten(2)

    def test_inner_products_are_those_of_the_whole_gradients(self, gathered, dense):
        flat, already = dense.flatten(1), torch.rand(3, 3, dtype=torch.float64)
        assert (flat @ flat.T)[0, 1] != 0
        torch.testing.assert_close(gathered.add_gram(already), already + flat @ flat.T)

    def test_squares_are_those_at_the_last_shared_layer(self, gathered, dense):
        found = gathered.add_squares(torch.ones(3, dtype=torch.float64))
        torch.testing.assert_close(found, 1 + dense[:, 1].square().sum(1))

    def test_the_update_is_the_weighted_sum(self, gathered, dense, tables):
        weights = torch.tensor([0.5, -2.0, 3.0], dtype=torch.float64)
        gathered.combine(weights)
        for at, table in enumerate(tables):
            assert table.grad.is_coalesced()
            torch.testing.assert_close(table.grad.to_dense().flatten(), weights @ dense[:, at])

    def test_a_table_that_no_task_used_has_no_gradient(self, tables):
        gradients = SparseGradients(tables, last={id(tables[0])})
        gradients.begin([0, 1])
        gradients.keep(0, [None, _gradient([1], 1)])
        gradients.keep(1, [None, None])
        gradients.gather([0, 1])
        assert gradients.add_squares(torch.zeros(2)).tolist() == [0.0, 0.0]
        assert gradients.add_gram(torch.zeros(2, 2).double()).count_nonzero() == 1
        gradients.combine(torch.ones(2, dtype=torch.float64))
        assert tables[0].grad is None
        assert tables[1].grad._nnz() == 1
