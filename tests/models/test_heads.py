import torch
from torch.nn import functional

from ray_mtlkd.models.heads import Head, PairJoin, read_together
from ray_mtlkd.tasks.task import Task


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


def test_heads_that_read_the_same_tensor_together_say_what_each_says_alone():
    torch.manual_seed(0)
    kinds = [("multiclass", tuple("abc")), ("binary", ()), ("regression", ()), ("multiclass", tuple("abcde"))]
    heads = [Head(Task(name=str(at), kind=kind, metric="-", classes=of), 6) for at, (kind, of) in enumerate(kinds)]
    same, other = torch.randn(7, 6), torch.randn(4, 6)
    read = [same, same, other, same]
    for found, head, tensor in zip(read_together(heads, read), heads, read, strict=True):
        torch.testing.assert_close(found, head(tensor))


def test_heads_that_read_leaves_of_the_same_values_pass_back_to_each_what_a_head_alone_would():
    torch.manual_seed(0)
    sizes = (3, 1, 5)
    heads = [
        Head(Task(name=str(k), kind="multiclass", metric="-", classes=tuple(map(str, range(k)))), 6).double()
        for k in sizes
    ]
    values = torch.randn(7, 6, dtype=torch.float64)
    weights = [torch.randn(7, k, dtype=torch.float64) for k in sizes]
    found = []
    for read in (read_together, lambda heads, leaves: [head(leaf) for head, leaf in zip(heads, leaves, strict=True)]):
        leaves = [values.detach().requires_grad_() for _ in heads]
        parameters = [p for head in heads for p in head.parameters()]
        total = sum((w * out.square()).sum() for w, out in zip(weights, read(heads, leaves), strict=True))
        found.append(torch.autograd.grad(total, [*leaves, *parameters]))
    torch.testing.assert_close(found[0], found[1])
