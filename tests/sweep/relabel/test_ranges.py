from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_mtlkd.sweep.relabel import ranges
from ray_mtlkd.training.evaluation.evaluate import BATCH_ROWS


@given(
    start=st.integers(0, 3),
    rows=st.integers(1, 3_000_000),
    parts=st.integers(1, 40),
    guided=st.booleans(),
    batch_s=st.floats(0, 100),
)
def test_ranges_hold_every_row_once_and_end_where_batches_do(start, rows, parts, guided, batch_s):
    whole = range(start * BATCH_ROWS, start * BATCH_ROWS + rows)
    found = ranges.guided(whole, actors=parts, batch_s=batch_s) if guided else ranges.equal(whole, parts=parts)
    assert found[0][0] == whole.start
    assert found[-1][1] == whole.stop
    assert all(a[1] == b[0] for a, b in pairwise(found))
    assert all(stop % BATCH_ROWS == 0 for _, stop in found[:-1])
    assert all(0 < stop - start <= 128 * BATCH_ROWS for start, stop in found)
    if guided:
        assert all(a[1] - a[0] >= b[1] - b[0] for a, b in pairwise(found))


@pytest.mark.parametrize(("batch_s", "least"), [(0.0, 32), (0.001, 32), (0.0625, 4), (0.1, 3), (9.0, 1)])
def test_the_last_ranges_of_a_pool_take_a_quarter_of_a_second_where_batches_are_slow(batch_s, least):
    found = ranges.guided(range(1000 * BATCH_ROWS), actors=2, batch_s=batch_s)
    sizes = {(stop - start) // BATCH_ROWS for start, stop in found[:-1]}
    assert min(sizes) == least


@given(start=st.integers(0, 3), rows=st.integers(1, 300_000), batches=st.floats(0, 500))
def test_what_the_trial_does_itself_is_at_the_end_and_half_of_the_batches_at_most(start, rows, batches):
    whole = range(start * BATCH_ROWS, start * BATCH_ROWS + rows)
    others, own = ranges.split(whole, batches=batches)
    assert [*others, *own] == list(whole)
    assert (others.stop - whole.start) % BATCH_ROWS == 0 or not own
    count = -(-len(own) // BATCH_ROWS)
    assert count <= min(batches, -(-rows // BATCH_ROWS) / 2)
    assert others
