import torch

from ray_mtlkd.models.heads import Head, read_together
from ray_mtlkd.tasks.task import Task


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
