import torch

from ray_mtlkd.models.regularizers.matrix_normal import MatrixNormal
from ray_mtlkd.models.regularizers.task_matrix import task_matrices
from tests.models.regularizers.conftest import LinearModel


def test_relations_are_positive_semidefinite_with_trace_1_and_the_best_that_there_are():
    model, regularizer = LinearModel(4, 6), MatrixNormal(strength=2.0)
    (matrix,) = task_matrices(model)
    best = regularizer.relations(matrix)
    assert torch.linalg.eigvalsh(best).min() > 0
    torch.testing.assert_close(best.trace(), torch.tensor(1.0, dtype=torch.float64))

    def prior(omega):
        return (model.rows.T @ torch.linalg.solve(omega, model.rows)).trace()

    torch.testing.assert_close(regularizer.penalty(model).detach(), prior(best))
    chance = torch.Generator().manual_seed(0)
    for _ in range(20):
        root = torch.linalg.cholesky(best) + 0.05 * torch.randn(4, 4, generator=chance, dtype=torch.float64)
        other = root @ root.T
        assert prior(best) < prior(other / other.trace())


def test_a_planted_negative_relation_is_recovered_and_beats_ridge(regressions, best_ridge):
    chance = torch.Generator().manual_seed(0)
    common = torch.randn(8, generator=chance, dtype=torch.float64)
    signs = torch.tensor([1.0, -1.0], dtype=torch.float64)[torch.arange(20) % 2]
    weights = signs.unsqueeze(1) * common + 0.2 * torch.randn(20, 8, generator=chance, dtype=torch.float64)
    drawn = regressions(weights, rows=8)
    regularizer = MatrixNormal(strength=0.05)
    model = drawn.fitted(regularizer.penalty, steps=40)
    (matrix,) = task_matrices(model)
    assert torch.equal(regularizer.relations(matrix).sign(), torch.outer(signs, signs))
    assert drawn.error(model) < 0.8 * best_ridge(drawn)
