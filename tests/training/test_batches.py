import torch
from hypothesis import given
from hypothesis import strategies as st

from ray_mtlkd.training.batches import Position, Sampler


def _sampler(rows=10, batch_size=4, seed=1, task="t"):
    return Sampler(rows=rows, batch_size=batch_size, seed=seed, task=task)


@given(rows=st.integers(1, 30), batch_size=st.integers(1, 40))
def test_every_epoch_holds_every_row_once(rows, batch_size):
    sampler = _sampler(rows, batch_size)
    drawn = torch.cat([sampler.draw() for _ in range(-(-3 * rows // batch_size))])
    for epoch in range(3):
        assert sorted(drawn[epoch * rows : (epoch + 1) * rows].tolist()) == list(range(rows))


def test_epochs_differ_from_each_other():
    sampler = _sampler(rows=50, batch_size=50)
    assert sampler.draw().tolist() != sampler.draw().tolist()


def test_a_sampler_goes_on_from_a_position_as_if_it_had_never_stopped():
    sampler = _sampler()
    for _ in range(3):
        sampler.draw()
    position = sampler.position
    expected = [sampler.draw().tolist() for _ in range(5)]
    other = _sampler()
    other.move(position)
    assert [other.draw().tolist() for _ in range(5)] == expected
    sampler.move(position)
    assert [sampler.draw().tolist() for _ in range(5)] == expected


def test_the_order_depends_on_seed_and_task():
    orders = {tuple(_sampler(50, 50, seed, task).draw().tolist()) for seed in (1, 2) for task in ("a", "b")}
    assert len(orders) == 4


def test_a_fresh_sampler_stands_at_the_start():
    assert _sampler().position == Position(epoch=0, offset=0)
