import torch
from torch.nn import functional

from ray_mtlkd.models.encoders.joins import PairJoin, PartJoin


def test_the_overlap_reaches_the_head_even_past_dead_units():
    join = PairJoin(3, 2, width=4, dropout=0.0)
    for layer in (join.sides[2], join.overlap):
        torch.nn.init.constant_(layer.linear.bias, -1e6)
    overlap = torch.randn(5, 2)
    joined = join(torch.randn(5, 3), torch.randn(5, 3), overlap)
    assert joined.shape == (5, join.width) == (5, 10)
    assert torch.equal(joined[:, 8:], overlap)
    assert joined[:, :8].count_nonzero() == 0


def test_the_joined_units_know_both_sides_their_difference_and_their_product():
    torch.manual_seed(0)
    join = PairJoin(3, 2, width=4, dropout=0.0)
    left, right, overlap = torch.randn(5, 3), torch.randn(5, 3), torch.randn(5, 2)
    inputs = functional.layer_norm(torch.cat([left, right, (left - right).abs(), left * right], dim=1), [12])
    expected = torch.cat([join.sides[2].linear(inputs).relu(), join.overlap.linear(overlap).relu(), overlap], dim=1)
    torch.testing.assert_close(join(left, right, overlap), expected)


def test_sides_of_any_scale_weigh_the_same():
    torch.manual_seed(0)
    join = PairJoin(3, 2, width=4, dropout=0.0)
    left, overlap = torch.randn(5, 3), torch.randn(5, 2)
    nothing = torch.zeros(5, 3)
    # layer_norm adds 1e-5 to the variance
    torch.testing.assert_close(join(1e3 * left, nothing, overlap), join(left, nothing, overlap), atol=1e-3, rtol=1e-3)


def test_what_joins_sorts_of_inputs_is_a_layer_over_all_of_them_each_normalised():
    torch.manual_seed(0)
    join = PartJoin((3, 5), width=4, dropout=0.0)
    text, columns = torch.randn(6, 3), torch.randn(6, 5)
    normalised = [functional.layer_norm(part, part.shape[1:]) for part in (text, columns)]
    expected = join.layer.linear(torch.cat(normalised, dim=1)).relu()
    torch.testing.assert_close(join(text, columns), expected)
    # layer_norm adds 1e-5 to the variance
    torch.testing.assert_close(join(1e3 * text, columns), join(text, columns), atol=1e-3, rtol=1e-3)


def test_a_sort_that_says_nothing_is_joined_as_well():
    join = PartJoin((3, 5), width=4, dropout=0.0)
    assert join(torch.zeros(2, 3), torch.randn(2, 5)).isfinite().all()
