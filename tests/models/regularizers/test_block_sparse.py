import pytest
import torch

from ray_mtlkd.models.regularizers.block_sparse import BlockSparse
from tests.models.regularizers.conftest import LinearModel


@pytest.mark.parametrize("q", ["2", "inf"])
def test_the_proximal_step_is_at_its_least(q):
    """No direction is better than where it goes, nor the start."""
    model = LinearModel(3, 40)
    start = model.rows
    BlockSparse(strength=1.0, q=q).shrink(model, step=0.15)

    def cost(rows):
        norms = torch.linalg.vector_norm(rows, ord=float(q), dim=0)
        return (rows - start).square().sum(0) / 2 + 0.15 * norms

    chance = torch.Generator().manual_seed(1)
    assert (model.rows == 0).all(0).any()
    assert (model.rows != 0).any(0).any()
    for size in (1e-3, 1e-2, 0.1):
        for _ in range(20):
            moved = model.rows + size * torch.randn(3, 40, generator=chance, dtype=torch.float64)
            assert (cost(model.rows) <= cost(moved) + 1e-12).all()


@pytest.mark.parametrize("q", ["2", "inf"])
def test_the_planted_support_is_found_and_all_else_is_exactly_zero(regressions, q):
    support = torch.zeros(12, dtype=torch.bool)
    support[[1, 4, 7]] = True
    weights = torch.randn(6, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * support
    drawn, model = regressions(weights, rows=20), LinearModel(6, 12)
    regularizer = BlockSparse(strength=12.0 if q == "2" else 24.0, q=q)
    for _ in range(300):
        found = torch.einsum("tnd,td->tn", drawn.rows, model.rows)
        gradient = torch.einsum("tnd,tn->td", drawn.rows, found - drawn.numbers)
        with torch.no_grad():
            for head, part in zip(model.heads, gradient, strict=True):
                head.weight -= 0.01 * part
        regularizer.shrink(model, step=0.01)
    assert torch.equal((model.rows != 0).any(0), support)


def test_a_group_that_is_zero_stays_zero():
    model = LinearModel(2, 3)
    with torch.no_grad():
        for head in model.heads:
            head.weight.zero_()
    BlockSparse().shrink(model, step=0.1)
    assert torch.equal(model.rows, torch.zeros(2, 3, dtype=torch.float64))
