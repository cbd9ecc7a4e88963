import torch

from ray_mtlkd.models.regularizers.mean_constraint import MeanConstraint


def test_it_is_the_distance_to_the_mean_and_beats_ridge_where_tasks_are_alike(regressions, best_ridge):
    chance = torch.Generator().manual_seed(0)
    common = torch.randn(8, generator=chance, dtype=torch.float64)
    weights = common + 0.3 * torch.randn(20, 8, generator=chance, dtype=torch.float64)
    drawn = regressions(weights, rows=10)
    model = drawn.fitted(MeanConstraint(strength=3.0).penalty)
    assert drawn.error(model) < 0.8 * best_ridge(drawn)
    rows = model.rows
    by_hand = (rows - rows.mean(0)).square().sum() * 1.5 + rows.square().sum()
    torch.testing.assert_close(MeanConstraint(strength=3.0, size=2.0).penalty(model).detach(), by_hand)
