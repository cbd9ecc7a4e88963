import pytest
import torch

from ray_mtlkd.training import lazy_adam
from ray_mtlkd.training.lazy_adam import LazyAdam
from ray_mtlkd.training.sparse import total

SHAPES = ((40, 4), (30, 3))  # the second one's rows are no multiple of 16 bytes
STEPS = 12


def _tables():
    generator = torch.Generator().manual_seed(1)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def _train(step_with, tables, steps):
    """Rows come and go, some several times in a step; the second table has no gradient in every third step."""
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        for at, table in enumerate(tables):
            rows = torch.randint(0, len(table), (1, 25), generator=generator)
            values = torch.randn(25, table.shape[1], generator=generator)
            given = torch.sparse_coo_tensor(rows, values, table.shape, check_invariants=True)
            table.grad = None if at == 1 and step % 3 == 0 else total([given])
        step_with(0.1 / (step + 1))
        assert all(table.grad is None for table in tables)


def _torchs(tables):
    optimizer = torch.optim.SparseAdam(tables)

    def step(lr):
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
        optimizer.zero_grad()

    return step


@pytest.mark.parametrize("cached", [lazy_adam._CACHED, 20], ids=["in one go", "a few rows at a time"])
def test_it_gives_the_numbers_of_torch_s_sparse_adam(monkeypatch, cached):
    monkeypatch.setattr(lazy_adam, "_CACHED", cached)
    ours, theirs = _tables(), _tables()
    _train(LazyAdam(ours).step, ours, range(STEPS))
    _train(_torchs(theirs), theirs, range(STEPS))
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other)  # float32, the same terms in another order


def test_rows_without_gradient_stay_bit_for_bit():
    (table, _) = tables = _tables()
    before = table.detach().clone()
    rows = torch.tensor([[3, 17]])
    table.grad = torch.sparse_coo_tensor(rows, torch.ones(2, 4), table.shape, check_invariants=True).coalesce()
    LazyAdam(tables).step(0.1)
    changed = (table.detach() != before).any(dim=1)
    assert changed.nonzero().flatten().tolist() == [3, 17]


def test_it_goes_on_from_its_state_as_if_it_had_never_stopped():
    straight, resumed = _tables(), _tables()
    _train(LazyAdam(straight).step, straight, range(STEPS))
    first, second = LazyAdam(resumed), LazyAdam(resumed)
    _train(first.step, resumed, range(5))
    kept = first.tensors()
    second.load(kept)
    _train(second.step, resumed, range(5, STEPS))
    assert all(torch.equal(one, other) for one, other in zip(straight, resumed, strict=True))
    assert kept["steps"].tolist() == [5, 3]  # a copy: the later steps did not reach it
