import pickle

import pytest

from ray_mtlkd.errors import MtlkdError, first_line, gather, raise_all, within

ONE = MtlkdError("3 weights for 5 tasks", where="weights", fix="give one a task")
TWO = MtlkdError("no such file", where="data", fix="check the path")


def test_an_error_says_where_what_and_how_to_fix_it():
    assert str(ONE) == "weights: 3 weights for 5 tasks; give one a task"


@pytest.mark.parametrize(
    ("error", "line"),
    [(ValueError("first\nsecond"), "first"), (ValueError("\n  late \n"), "late"), (KeyError(), "KeyError")],
)
def test_the_first_line_of_an_error_is_never_empty(error, line):
    assert first_line(error) == line


def test_an_error_crosses_processes():
    again = pickle.loads(pickle.dumps(ONE))  # noqa: S301 - its own bytes
    assert (again.what, again.where, again.fix) == (ONE.what, ONE.where, ONE.fix)


def test_one_problem_is_raised_as_it_is_and_several_as_a_group():
    raise_all("none", [])
    with pytest.raises(MtlkdError):
        raise_all("one", [ONE])
    with pytest.raises(ExceptionGroup) as caught:
        raise_all("two", [ONE, TWO])
    assert caught.value.exceptions == (ONE, TWO)


def test_problems_are_gathered_from_groups_within_groups():
    problems = []
    with gather(problems):
        raise ExceptionGroup("outer", [ONE, ExceptionGroup("inner", [TWO])])
    with gather(problems):
        raise ONE
    assert problems == [ONE, TWO, ONE]


def test_what_is_not_a_users_mistake_is_not_gathered():
    problems = []
    with pytest.raises(ExceptionGroup) as caught, gather(problems):
        raise ExceptionGroup("mixed", [ONE, KeyError("x")])
    assert problems == [ONE]
    assert [type(error) for error in caught.value.exceptions] == [KeyError]


def test_a_place_goes_before_the_path():
    assert [error.where for error in within("a.yaml", [ONE, MtlkdError("x", where="", fix="y")])] == [
        "a.yaml: weights",
        "a.yaml",
    ]
