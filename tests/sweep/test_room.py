"""How many GPUs a sweep takes up; no Ray cluster in here."""

import pytest

from ray_mtlkd.sweep.room import whole_gpus


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([], 0),
        ([0.0, 0.0], 0),
        ([0.5, 0.5], 1),
        ([0.1] * 10, 1),
        ([1 / 3] * 3, 1),
        ([0.6, 0.6], 2),
        ([0.8, 0.6, 0.6], 3),
        ([0.4, 0.6, 0.6, 0.4], 2),
        ([2.0, 0.5], 3),
        ([1.0, 1.0], 2),
    ],
)
def test_no_process_gets_parts_of_two_gpus(shares, expected):
    assert whole_gpus(shares) == expected
