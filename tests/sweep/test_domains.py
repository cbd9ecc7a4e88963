import numpy as np
import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep import domains


def _domains(tree):
    return dict(domains.find(tree, ""))


def test_leaves_are_found_at_their_paths():
    tree = {"training": {"lr": {"loguniform": [1e-4, 1e-2]}, "steps": 5}, "list": [{"a": {"choice": [1, 2]}}]}
    assert set(_domains(tree)) == {"training.lr", "list[0].a"}


def test_filling_replaces_leaves_and_nothing_else():
    tree = {"training": {"lr": {"loguniform": [1e-4, 1e-2]}, "steps": 5}, "list": [{"a": {"choice": [1, 2]}}]}
    filled = domains.fill(tree, {"training.lr": 0.5, "list[0].a": 2})
    assert filled == {"training": {"lr": 0.5, "steps": 5}, "list": [{"a": 2}]}


@pytest.mark.parametrize(
    ("leaf", "holds"),
    [
        ({"uniform": [0.5, 1.5]}, lambda v: 0.5 <= v <= 1.5),
        ({"loguniform": [1e-4, 1e-2]}, lambda v: 1e-4 <= v <= 1e-2),
        ({"randint": [2, 5]}, lambda v: v in {2, 3, 4}),
        ({"choice": ["a", "b"]}, lambda v: v in {"a", "b"}),
        ({"simplex": 1.0}, lambda v: len(v) == 4 and abs(sum(v) - 4) < 1e-9 and min(v) >= 0),
    ],
    ids=["uniform", "loguniform", "randint", "choice", "simplex"],
)
def test_draws_stay_in_their_domain_and_vary(leaf, holds):
    found = _domains({"x": leaf})
    drawn = [domains.draw(found, seed=0, index=index, tasks=4)["x"] for index in range(50)]
    assert all(holds(value) for value in drawn)
    assert len({str(value) for value in drawn}) > 1


def test_loguniform_is_uniform_in_the_exponent():
    found = _domains({"x": {"loguniform": [1e-4, 1.0]}})
    drawn = np.log10([domains.draw(found, seed=0, index=index, tasks=1)["x"] for index in range(2000)])
    # four decades with a quarter each; three standard errors of a share of 2000 draws
    shares = np.histogram(drawn, bins=[-4, -3, -2, -1, 0])[0] / 2000
    assert np.abs(shares - 0.25).max() < 3 * np.sqrt(0.25 * 0.75 / 2000)


def test_a_leaf_gets_the_same_value_whatever_else_is_in_the_tree():
    alone = _domains({"training": {"lr": {"loguniform": [1e-4, 1e-2]}}})
    beside = _domains({"training": {"lr": {"loguniform": [1e-4, 1e-2]}}, "kd": {"temperature": {"choice": [1, 2, 4]}}})
    for index in range(5):
        first = domains.draw(alone, seed=3, index=index, tasks=5)["training.lr"]
        assert first == domains.draw(beside, seed=3, index=index, tasks=5)["training.lr"]


def test_grids_run_through_their_product():
    found = _domains({"a": {"grid": [1, 2]}, "b": {"grid": ["x", "y", "z"]}})
    assert domains.grid_size(found) == 6
    points = {tuple(domains.draw(found, seed=0, index=index, tasks=1).values()) for index in range(6)}
    assert len(points) == 6


@pytest.mark.parametrize(
    ("leaf", "message"),
    [
        ({"chioce": [1]}, "x: unknown domain 'chioce'; did you mean 'choice'?"),
        ({"choice": [1], "grid": [1]}, "x: 2 domains at once: choice, grid"),
        ({"choice": []}, "x.choice: choice of nothing"),
        ({"grid": 3}, "x.grid: grid of nothing"),
        ({"loguniform": [1e-2, 1e-4]}, "x.loguniform: empty: 0.01 is not below 0.0001"),
        ({"loguniform": [0, 1]}, "x.loguniform: 0 has no logarithm"),
        ({"uniform": [1]}, "x.uniform: uniform needs two numbers"),
        ({"uniform": ["a", "b"]}, "x.uniform: uniform needs two numbers"),
        ({"randint": [0.5, 2]}, "x.randint: randint needs whole numbers"),
        ({"simplex": 0}, "x.simplex: 0 is not a concentration"),
    ],
    ids=str,
)
def test_a_broken_domain_is_named_with_its_fix(leaf, message):
    (problem,) = _domains({"x": leaf}).values()
    assert isinstance(problem, MtlkdError)
    assert str(problem).startswith(message)
    assert problem.fix
