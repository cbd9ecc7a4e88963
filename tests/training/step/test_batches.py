import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ray_mtlkd.training.step.batches import BATCHES_AHEAD, ROWS_AHEAD, GroupSampler, Sampler, Stream


def _sampler(rows=10, seed=1, task="t"):
    return Sampler(rows=rows, seed=seed, task=task)


def _stream(batch_size=4, **changes):
    return Stream(_sampler(**changes), parts=[batch_size], gather=lambda drawn: drawn.rows.split(batch_size))


@given(rows=st.integers(1, 30), size=st.integers(1, 40))
def test_every_epoch_holds_every_row_once(rows, size):
    sampler = _sampler(rows)
    drawn = torch.cat([sampler.between(start, start + size) for start in range(0, 3 * rows, size)])
    for epoch in range(3):
        assert sorted(drawn[epoch * rows : (epoch + 1) * rows].tolist()) == list(range(rows))


def test_epochs_differ_from_each_other():
    sampler = _sampler(rows=50)
    assert sampler.between(0, 50).tolist() != sampler.between(50, 100).tolist()


def test_a_stream_holds_the_same_rows_wherever_it_is_read_from():
    expected = _sampler().between(0, 100)
    sampler = _sampler()
    for start, stop in ((73, 95), (0, 7), (7, 31), (5, 6), (5, 5)):
        assert torch.equal(sampler.between(start, stop), expected[start:stop])


def test_the_order_depends_on_seed_and_task():
    orders = {tuple(_sampler(50, seed, task).between(0, 50).tolist()) for seed in (1, 2) for task in ("a", "b")}
    assert len(orders) == 4


@pytest.mark.parametrize("batch_size", [1, 4, 23, ROWS_AHEAD // 2, ROWS_AHEAD + 1])
def test_batches_follow_the_order_of_the_sampler(batch_size):
    stream = _stream(batch_size)
    drawn = torch.cat([stream.draw() for _ in range(2 * BATCHES_AHEAD + 3)])
    assert torch.equal(drawn, _sampler().between(0, len(drawn)))


@pytest.mark.parametrize("drawn", [0, 3, BATCHES_AHEAD, 2 * BATCHES_AHEAD + 5])
def test_a_stream_goes_on_from_a_batch_as_if_it_had_never_stopped(drawn):
    stream = _stream()
    for _ in range(drawn):
        stream.draw()
    assert stream.drawn == drawn
    expected = [stream.draw() for _ in range(BATCHES_AHEAD)]
    other = _stream()
    other.drawn = drawn
    again = [other.draw() for _ in range(BATCHES_AHEAD)]
    assert all(torch.equal(*each) for each in zip(expected, again, strict=True))
    assert [batch.storage_offset() for batch in expected] == [batch.storage_offset() for batch in again]
    stream.drawn = drawn
    assert all(torch.equal(batch, stream.draw()) for batch in expected)


def test_no_more_rows_are_gathered_ahead_than_one_batch_or_the_limit():
    gathered = []

    def gather(drawn):
        gathered.append(len(drawn.rows))
        return drawn.rows.split(batch_size)

    for batch_size in (1, 300, ROWS_AHEAD, 2 * ROWS_AHEAD):
        Stream(_sampler(), parts=[batch_size], gather=gather).draw()
    assert gathered == [BATCHES_AHEAD, 13 * 300, ROWS_AHEAD, 2 * ROWS_AHEAD]


def _offsets(lengths):
    return torch.tensor([0, *lengths]).cumsum(0)


def _parts(drawn):
    """The groups of each part, each as a list of its rows."""
    rows = iter(drawn.rows.tolist())
    found = [[[next(rows) for _ in range(size)] for size in offsets.diff().tolist()] for offsets in drawn.groups]
    assert drawn.sizes == [sum(map(len, part)) for part in found]
    return found


lengths_of_groups = st.lists(st.integers(1, 9), min_size=1, max_size=12)


@given(lengths=lengths_of_groups, most=st.integers(1, 12))
def test_every_epoch_holds_every_group_once_and_whole(lengths, most):
    offsets = _offsets(lengths)
    epoch = sum(min(length, most) for length in lengths)
    sampler = GroupSampler(groups=offsets, most=most, seed=1, task="t")
    groups = [list(range(start, end)) for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]
    for number in range(3):
        (drawn,) = _parts(sampler.cut(number * epoch, [epoch]))
        assert sorted(drawn) == groups


@given(lengths=lengths_of_groups, most=st.integers(1, 12), at=st.integers(0, 30))
def test_every_batch_holds_a_group_and_is_the_same_wherever_it_is_read_from(lengths, most, at):
    sampler, other = (GroupSampler(groups=_offsets(lengths), most=most, seed=1, task="t") for _ in range(2))
    batches = _parts(sampler.cut(at * most, [most] * 10))
    assert all(batches)
    assert [_parts(other.cut((at + back) * most, [most]))[0] for back in reversed(range(10))] == batches[::-1]
    # all but the last group of a batch begin and end in it
    assert all(sum(map(len, batch[:-1])) < most for batch in batches)


@given(lengths=lengths_of_groups, most=st.integers(2, 12), parts=st.integers(1, 4))
def test_parts_of_a_batch_of_groups_are_the_batch(lengths, most, parts):
    sampler = GroupSampler(groups=_offsets(lengths), most=most, seed=1, task="t")
    sizes = [len(part) for part in torch.empty(most).chunk(parts)]
    whole, cut = _parts(sampler.cut(3 * most, [most])), _parts(sampler.cut(3 * most, sizes))
    assert [group for part in cut for group in part] == whole[0]


@pytest.mark.parametrize("drawn", [0, 3, 2 * BATCHES_AHEAD + 5])
def test_a_stream_of_groups_goes_on_from_a_batch_as_if_it_had_never_stopped(drawn):
    def stream():
        sampler = GroupSampler(groups=_offsets([3, 1, 4, 1, 5, 9, 2, 6]), most=6, seed=1, task="t")
        return Stream(sampler, parts=[6], gather=_parts)

    first, second = stream(), stream()
    expected = [first.draw() for _ in range(drawn + 5)]
    second.drawn = drawn
    assert [second.draw() for _ in range(5)] == expected[drawn:]
