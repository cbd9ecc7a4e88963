import torch

from ray_mtlkd.models.regularizers.cluster import TaskClusters


def test_it_is_what_the_best_assignment_leaves_and_beats_ridge_where_tasks_cluster(regressions, best_ridge):
    chance = torch.Generator().manual_seed(0)
    centers = torch.randn(2, 8, generator=chance, dtype=torch.float64)
    weights = centers[torch.arange(20) % 2] + 0.2 * torch.randn(20, 8, generator=chance, dtype=torch.float64)
    drawn = regressions(weights, rows=8)
    regularizer = TaskClusters(clusters=2, strength=3.0)
    model = drawn.fitted(regularizer.penalty, steps=30)
    assert drawn.error(model) < 0.8 * best_ridge(drawn)
    products = model.rows @ model.rows.T
    left = products.trace() - torch.linalg.eigvalsh(products)[-2:].sum()
    torch.testing.assert_close(regularizer.penalty(model).detach(), 1.5 * left)
