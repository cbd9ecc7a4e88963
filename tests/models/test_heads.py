import torch

from ray_mtlkd.models.heads import PairJoin


def test_the_overlap_reaches_the_head_even_past_dead_units():
    join = PairJoin(3, 2, width=4, dropout=0.0)
    torch.nn.init.constant_(join.layer[0].bias, -1e6)
    overlap = torch.randn(5, 2)
    joined = join(torch.randn(5, 3), torch.randn(5, 3), overlap)
    assert joined.shape == (5, join.width) == (5, 6)
    assert torch.equal(joined[:, 4:], overlap)
    assert joined[:, :4].count_nonzero() == 0


def test_the_joined_units_know_both_sides_their_difference_and_their_product():
    torch.manual_seed(0)
    join = PairJoin(3, 2, width=4, dropout=0.0)
    left, right, overlap = torch.randn(5, 3), torch.randn(5, 3), torch.randn(5, 2)
    inputs = torch.cat([left, right, (left - right).abs(), left * right, overlap], dim=1)
    torch.testing.assert_close(join(left, right, overlap)[:, :4], join.layer[0](inputs).relu())
