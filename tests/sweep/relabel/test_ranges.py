from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ray_mtlkd.sweep.relabel import ranges
from ray_mtlkd.training.evaluation import BATCH_ROWS


@given(start=st.integers(0, 3), rows=st.integers(1, 3_000_000), parts=st.integers(1, 40), guided=st.booleans())
def test_ranges_hold_every_row_once_and_end_where_batches_do(start, rows, parts, guided):
    whole = range(start * BATCH_ROWS, start * BATCH_ROWS + rows)
    found = ranges.guided(whole, actors=parts) if guided else ranges.equal(whole, parts=parts)
    assert found[0][0] == whole.start
    assert found[-1][1] == whole.stop
    assert all(a[1] == b[0] for a, b in pairwise(found))
    assert all(stop % BATCH_ROWS == 0 for _, stop in found[:-1])
    assert all(0 < stop - start <= 128 * BATCH_ROWS for start, stop in found)
    if guided:
        assert all(a[1] - a[0] >= b[1] - b[0] for a, b in pairwise(found))


@given(start=st.integers(0, 3), rows=st.integers(1, 300_000), batches=st.floats(0, 500))
def test_what_the_trial_does_itself_is_at_the_end_and_half_of_the_batches_at_most(start, rows, batches):
    whole = range(start * BATCH_ROWS, start * BATCH_ROWS + rows)
    others, own = ranges.split(whole, batches=batches)
    assert [*others, *own] == list(whole)
    assert (others.stop - whole.start) % BATCH_ROWS == 0 or not own
    count = -(-len(own) // BATCH_ROWS)
    assert count <= min(batches, -(-rows // BATCH_ROWS) / 2)
    assert others
