import pytest

from ray_mtlkd.training.settings import Optimization
from ray_mtlkd.training.tail import Tail


def _tail(**settings):
    return Tail(settings=Optimization(**settings), budget=1000)


@pytest.mark.parametrize(
    ("settings", "converged", "begin", "end"),
    [
        ({}, None, 1000, 1000),
        ({}, 400, 1000, 1000),
        ({"finish": "converged"}, 400, 400, 400),
        ({"cooldown": 0.1}, None, 900, 1000),
        ({"cooldown": 0.1}, 400, 900, 1000),
        ({"cooldown": 0.1, "finish": "converged"}, None, 900, 1000),  # early enough to end with the budget
        ({"cooldown": 0.1, "finish": "converged"}, 400, 400, 500),
        ({"cooldown": 0.1, "finish": "converged"}, 950, 900, 1000),  # it had begun before the last task converged
    ],
)
def test_a_run_ends_where_all_have_converged_and_the_rate_has_fallen_or_with_its_budget(
    settings, converged, begin, end
):
    tail = _tail(**settings)
    assert (tail.begin(converged), tail.end(converged)) == (begin, end)
    falls = [tail.fall(batches, converged) for batches in (begin, (begin + end) // 2, end)]
    assert falls == pytest.approx([1.0, 0.5, 0.0] if "cooldown" in settings else [1.0, 1.0, 1.0])


def test_the_rate_goes_on_falling_where_the_last_task_converges_on_the_way():
    tail = _tail(cooldown=0.1, finish="converged")
    assert tail.fall(960, None) == tail.fall(960, 950)


def test_it_says_why_the_rate_falls_and_why_the_run_ends(worded):
    tail = _tail(cooldown=0.1, finish="converged")
    assert tail.cooling(899, None) is None
    assert _tail().cooling(1000, None) is None
    for said in (
        tail.cooling(900, None),
        tail.cooling(400, 400),
        tail.reason(400),
        tail.reason(950),
        tail.reason(None),
    ):
        worded(said)
