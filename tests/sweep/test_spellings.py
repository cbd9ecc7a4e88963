import pytest
import yaml

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep import domains


def _problem(value):
    (problem,) = dict(domains.find({"training": {"lr": value}}, "")).values()
    return problem


@pytest.mark.parametrize(
    ("given", "ways_out"),
    [
        ({"uniform": [0.001, 0.1], "log": True}, [{"loguniform": [0.001, 0.1]}]),
        ({"uniform": [0.001, 0.1], "log": "yes"}, [{"loguniform": [0.001, 0.1]}]),
        ({"uniform": [0.001, 0.1], "log": False}, [{"uniform": [0.001, 0.1]}]),
        ({"uniform": [0.001, 0.1], "lg": 3}, [{"uniform": [0.001, 0.1]}]),
        ({"loguniform": [0.001, 0.1], "base": 10}, [{"loguniform": [0.001, 0.1]}]),
        ({"uniform": [0, 1], "q": 0.25}, [{"choice": [0, 0.25, 0.5, 0.75, 1]}]),
        ({"randint": [1, 7], "step": 3}, [{"choice": [1, 4, 7]}]),
        ({"randint": [1, 64], "log": True}, [{"loguniform": [1, 64]}]),
        ({"grid_search": [1, 2]}, [{"grid": [1, 2]}]),
        ({"values": ["a", "b"]}, [{"choice": ["a", "b"]}]),
        ({"values": ["a", "b"], "distribution": "categorical"}, [{"choice": ["a", "b"]}]),
        ({"choices": [1]}, [{"choice": [1]}]),
        ({"tune.choice": [1]}, [{"choice": [1]}]),
        ({"quniform": [0, 1, 0.5]}, [{"choice": [0, 0.5, 1]}]),
        ({"quniform": [0, 1, 0.001]}, [{"choice": ["first", "second"]}]),
        ({"quniform": [0, 1e300, 1e-300]}, [{"choice": ["first", "second"]}]),
        ({"quniform": [0, 1e15, 1]}, [{"choice": ["first", "second"]}]),
        ({"min": 1.0, "max": 2.0}, [{"uniform": [1.0, 2.0]}]),
        ({"min": 1, "max": 4}, [{"uniform": [1, 4]}, {"randint": [1, 5]}]),
        ({"low": 1, "high": 4, "type": "int"}, [{"randint": [1, 5]}]),
        ({"min": 0.1, "max": 2, "distribution": "log_uniform_values"}, [{"loguniform": [0.1, 2]}]),
        ({"lower": 0.1, "upper": 2, "log": True}, [{"loguniform": [0.1, 2]}]),
        ({"sample_from": "lambda spec: 1"}, [{"choice": ["first", "second"]}]),
        ({"normal": [0, 1]}, [{"choice": ["first", "second"]}]),
        ("tune.choice([1, 2])", [{"choice": [1, 2]}]),
        ("ray.tune.grid_search(['a', 'b'])", [{"grid": ["a", "b"]}]),
        ("tune.loguniform(1e-4, 1e-1)", [{"loguniform": [0.0001, 0.1]}]),
        ("loguniform(1e-4, 1e-1)", [{"loguniform": [0.0001, 0.1]}]),
        ("tune.randn(0, 1)", [{"choice": ["first", "second"]}]),
        ("tune.choice([2020-99-99])", [{"choice": ["2020-99-99"]}]),
    ],
    ids=str,
)
def test_another_tool_s_spelling_is_told_in_words_that_work(given, ways_out):
    problem = _problem(given)
    assert isinstance(problem, MtlkdError)
    assert problem.where == "training.lr"
    found = problem.fix.removeprefix("write ").split(" or ")
    assert [yaml.safe_load(way) for way in found] == ways_out
    for way in ways_out:
        (domain,) = dict(domains.find(way, "")).values()
        assert isinstance(domain, domains.Domain)


@pytest.mark.parametrize(
    "given",
    [
        {"choice": [1, 2]},
        {"simplex": 1.0},
    ],
    ids=str,
)
def test_a_domain_is_no_other_spelling(given):
    assert isinstance(_problem(given), domains.Domain)


@pytest.mark.parametrize(
    "given",
    [
        {"name": "mine:Part", "values": [1, 2], "min": 0, "max": 1},
        {"depth": 3, "values": [1, 2]},
        {"min": 3, "other": 4, "max": 5},
        {"values": 3},
        {"qrandint": "x"},
        "gelu",
        "mine:choice",
        "f(x)",
    ],
    ids=str,
)
def test_what_a_part_may_be_given_is_left_to_it(given):
    assert dict(domains.find({"x": given}, "")) == {}


def test_a_label_is_any_text():
    assert dict(domains.find({"label": "grid(3)"}, "")) == {}
