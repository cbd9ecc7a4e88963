"""Adam on the rows with a gradient, beside `torch.optim.SparseAdam`."""

import pytest
import torch

from ray_mtlkd.training.optimizer.lazy_adam import _CACHED, LazyAdam

ROWS = 3000


def _gradient(step, *, width, dtype=torch.float32):
    """Of some rows, half of them frequent; nothing in some steps, and zeros, which a ReLU leaves, in all."""
    draw = torch.Generator().manual_seed(step)
    count = 0 if step == 3 else 800
    rows = torch.cat(
        [torch.randint(0, 500, (count,), generator=draw), torch.randint(0, ROWS, (count,), generator=draw)]
    )
    values = torch.randn(len(rows.unique()), width, generator=draw, dtype=dtype) * 10.0 ** -(step % 5)
    values[torch.rand(values.shape, generator=draw) < 0.5] = 0.0
    return torch.sparse_coo_tensor(rows.unique()[None], values, (ROWS, width), is_coalesced=True, check_invariants=True)


def _table(width, dtype=torch.float32):
    return torch.nn.Parameter(torch.randn(ROWS, width, generator=torch.Generator().manual_seed(99), dtype=dtype))


def _rate(step):
    return 0.01 / (1 + step % 4)


@pytest.mark.parametrize("width", [1, 5, 128])
def test_many_steps_on_overlapping_rows_are_torch_s_own(width):
    ours, theirs = _table(width), _table(width)
    assert 2 * _CACHED < 1300 * 128  # several parts at the largest width
    adam, reference = LazyAdam([ours]), torch.optim.SparseAdam([theirs], lr=1.0)
    for step in range(60):
        if step != 7:  # a table without gradient is left alone
            ours.grad, theirs.grad = _gradient(step, width=width), _gradient(step, width=width)
            reference.param_groups[0]["lr"] = _rate(step)
            reference.step()
        adam.step(_rate(step))
        assert ours.grad is None
        theirs.grad = None
    state, found = reference.state[theirs], adam.tensors()
    assert found["steps"].tolist() == [state["step"]] == [59]
    # float32 in another order: a unit in the last place of the largest moments, and of the parameters after each step
    torch.testing.assert_close(found["0.mean"], state["exp_avg"], rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(found["0.square"], state["exp_avg_sq"], rtol=1e-5, atol=1e-9)
    torch.testing.assert_close(ours.data, theirs.data, rtol=0, atol=2e-6)


def test_in_double_precision_the_steps_are_torch_s_own_to_rounding():
    ours, theirs = _table(4, torch.float64), _table(4, torch.float64)
    adam, reference = LazyAdam([ours]), torch.optim.SparseAdam([theirs], lr=0.01)
    for step in range(20):
        ours.grad, theirs.grad = (_gradient(step, width=4, dtype=torch.float64) for _ in range(2))
        adam.step(0.01)
        reference.step()
    torch.testing.assert_close(ours.data, theirs.data, rtol=0, atol=1e-13)


def test_rows_without_gradient_and_their_moments_stay_bit_for_bit():
    table = _table(8)
    before, adam = table.detach().clone(), LazyAdam([table])
    for step in range(5):
        table.grad = _gradient(step, width=8)
        adam.step(0.1)
    touched = torch.cat([_gradient(step, width=8).indices()[0] for step in range(5)]).unique()
    rest = torch.ones(ROWS, dtype=torch.bool).index_fill_(0, touched, value=False)
    assert 0 < rest.sum() < ROWS
    assert torch.equal(table[rest], before[rest])
    assert not torch.equal(table[~rest], before[~rest])
    assert not any(adam.tensors()[f"0.{moment}"][rest].any() for moment in ("mean", "square"))


def test_state_that_is_kept_and_loaded_goes_on_bit_for_bit():
    def run(adam, table, steps):
        for step in steps:
            table.grad = _gradient(step, width=5)
            adam.step(_rate(step))

    whole = [_table(5), _table(5)]
    adam = LazyAdam(whole)
    run(adam, whole[0], range(6))
    kept, parameters = adam.tensors(), [table.detach().clone() for table in whole]
    run(adam, whole[0], range(6, 12))
    run(adam, whole[1], range(3))
    resumed = [torch.nn.Parameter(table.clone()) for table in parameters]
    other = LazyAdam(resumed)
    run(other, resumed[1], range(2))  # what was there before is forgotten
    with torch.no_grad():
        resumed[1].copy_(parameters[1])
    other.load(kept)
    run(other, resumed[0], range(6, 12))
    run(other, resumed[1], range(3))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(resumed, whole, strict=True))
    assert all(torch.equal(value, adam.tensors()[name]) for name, value in other.tensors().items())
    assert kept["steps"].tolist() == [6, 0]
