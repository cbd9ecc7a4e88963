"""What PyTorch does not promise to keep, beside its public counterpart: a change is told by name."""

import ast
import copy
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from ray_mtlkd import torch_private

PACKAGE = Path(torch_private.__file__).parent


@contextmanager
def using(name):
    """Says which private name of PyTorch's is no longer what it was."""
    try:
        yield
    except (AttributeError, TypeError) as error:
        pytest.fail(f"{name} is gone or has another signature: {error}")


def some(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def several(seed=0):
    return [some(3, 2, seed=seed), some(5, seed=seed + 1)]


def same(found, expected, name):
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other), f"{name} gives other numbers than its public counterpart"


def test_many_tensors_are_copied_at_once():
    targets, sources = several(), several(7)
    with using("torch._foreach_copy_"):
        torch_private.copy_each(targets, sources)
    same(targets, sources, "torch._foreach_copy_")


def test_many_tensors_are_added_at_once():
    targets, sources = several(), several(7)
    expected = [target + source for target, source in zip(targets, sources, strict=True)]
    with using("torch._foreach_add_"):
        torch_private.add_each(targets, sources)
    same(targets, expected, "torch._foreach_add_")


def test_a_number_is_added_to_many_tensors_at_once():
    targets = several()
    expected = [target + 1 for target in targets]
    with using("torch._foreach_add_"):
        torch_private.add_number(targets, 1)
    same(targets, expected, "torch._foreach_add_")


def test_many_tensors_are_scaled_at_once():
    targets, factor = several(), torch.tensor(0.3)
    expected = [target * factor for target in targets]
    with using("torch._foreach_mul_"):
        torch_private.scale_each(targets, factor)
    same(targets, expected, "torch._foreach_mul_")


def test_many_tensors_are_moved_at_once():
    targets, towards = several(), several(7)
    expected = [target.lerp(goal, 0.25) for target, goal in zip(targets, towards, strict=True)]
    with using("torch._foreach_lerp_"):
        torch_private.move_each(targets, towards, 0.25)
    same(targets, expected, "torch._foreach_lerp_")


def _trained(kind, **settings):
    """Parameters after three steps of torch's own optimizer."""
    parameters = [torch.nn.Parameter(tensor) for tensor in several()]
    optimizer = kind(parameters, lr=0.01, betas=(0.9, 0.99), eps=1e-6, fused=True, **settings)
    for step in range(3):
        for parameter, gradient in zip(parameters, several(step + 20), strict=True):
            parameter.grad = gradient
        optimizer.step()
    return [parameter.detach() for parameter in parameters]


def _trained_here(update, **settings):
    parameters, means, squares = several(), *([torch.zeros_like(tensor) for tensor in several()] for _ in range(2))
    steps = [torch.zeros(()) for _ in parameters]
    for step in range(3):
        for count in steps:
            count.add_(1)
        update(
            parameters,
            several(step + 20),
            means=means,
            squares=squares,
            steps=steps,
            lr=0.01,
            betas=(0.9, 0.99),
            epsilon=1e-6,
            **settings,
        )
    return parameters


def test_the_kernel_of_adamw_is_what_torch_s_own_optimizer_runs():
    with using("torch._fused_adamw_"):
        found = _trained_here(torch_private.adamw, weight_decay=0.1)
    same(found, _trained(torch.optim.AdamW, weight_decay=0.1), "torch._fused_adamw_")


def test_the_kernel_of_adam_is_what_torch_s_own_optimizer_runs():
    with using("torch._fused_adam_"):
        found = _trained_here(torch_private.adam)
    same(found, _trained(torch.optim.Adam), "torch._fused_adam_")


def test_what_a_sparse_gradient_holds_is_read_before_it_is_coalesced():
    rows, values = torch.tensor([[2, 0, 2]]), some(3, 4)
    gradient = torch.sparse_coo_tensor(rows, values, (5, 4), check_invariants=False)
    with using("Tensor._indices or Tensor._values"):
        found = torch_private.content(gradient)
    same(found, (rows[0], values), "Tensor._indices or Tensor._values")


@pytest.mark.parametrize("weights", [None, some(4, seed=3)])
def test_rows_are_summed_as_the_documented_function_does(weights):
    table, ids, offsets = some(6, 3), torch.tensor([5, 0, 0, 2]), torch.tensor([0, 1, 1, 4])
    with using("torch.embedding_bag"):
        found = torch_private.row_sums(table, ids, offsets, weights)
    expected = torch.nn.functional.embedding_bag(
        ids, table, offsets, mode="sum", per_sample_weights=weights, include_last_offset=True
    )
    same([found], [expected], "torch.embedding_bag")


def test_a_submodule_is_set_in_a_copy_that_shares_all_else():
    inner = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
    whole = torch.nn.Sequential(inner, torch.nn.Linear(2, 2))
    expected = copy.deepcopy(whole)
    expected[0][0] = torch.nn.Identity()
    with using("torch.nn.Module._modules"):
        found = torch_private.with_submodules(whole, {"0.0": torch.nn.Identity()})
    assert torch.equal(found(some(3, 2)), expected(some(3, 2)))
    assert found[1] is whole[1]
    assert whole[0] is inner
    assert isinstance(inner[0], torch.nn.Linear)


def private_names(source):
    """Attributes of torch, or of a tensor, with an underscore in front, that are no part of the class itself."""
    return {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and isinstance(node.value, ast.Name)
        and node.value.id not in {"self", "cls"}
    }


def test_nothing_else_calls_what_torch_does_not_promise():
    for path in PACKAGE.rglob("*.py"):
        source = path.read_text()
        if path.name != "torch_private.py" and "torch._" in source:
            found = {name for name in private_names(source) if name.startswith("torch.")}
            assert found == set(), path
    assert "torch._foreach_add_" in private_names((PACKAGE / "torch_private.py").read_text())
