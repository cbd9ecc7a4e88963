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
        ({"loguniform": [1e-4, 1e-2]}, lambda v: 1e-4 * (1 - 1e-12) <= v <= 1e-2),
        ({"randint": [2, 5]}, lambda v: v in {2, 3, 4}),
        ({"choice": ["a", "b"]}, lambda v: v in {"a", "b"}),
        ({"simplex": 1.0}, lambda v: len(v) == 4 and abs(sum(v) - 4) < 1e-9 and min(v) >= 0),
        ({"simplex": 1e-4}, lambda v: len(v) == 4 and abs(sum(v) - 4) < 1e-9 and min(v) >= 0),
    ],
    ids=["uniform", "loguniform", "randint", "choice", "simplex", "simplex of one"],
)
def test_values_stay_in_their_domain_and_vary(leaf, holds):
    (domain,) = _domains({"x": leaf}).values()
    places = np.vstack([np.zeros(4), np.random.default_rng(0).random((50, 4)), np.full(4, np.nextafter(1, 0))])
    values = [domain.value(place[: domain.axes(4)].tolist()) for place in places]
    assert all(holds(value) for value in values)
    assert len({str(value) for value in values}) > 1


def test_a_simplex_has_an_axis_a_task_and_everything_else_one():
    assert {kind: _domains({"x": {kind: spec}})["x"].axes(5) for kind, spec in _ONE_OF_EACH.items()} == {
        "simplex": 5,
        "choice": 1,
        "uniform": 1,
    }


_ONE_OF_EACH = {"simplex": 1.0, "choice": [1, 2], "uniform": [0, 1]}


def test_weights_of_a_simplex_have_the_moments_of_a_dirichlet_distribution():
    (domain,) = _domains({"x": {"simplex": 2.0}}).values()
    drawn = np.array([domain.value(place) for place in np.random.default_rng(0).random((4000, 3))]) / 3
    assert drawn.mean(axis=0) == pytest.approx([1 / 3] * 3, abs=0.01)  # standard error 0.003
    assert drawn.var(axis=0) == pytest.approx([2 / 63] * 3, rel=0.1)  # (1/3)(2/3) / (3 * 2 + 1)


@pytest.mark.parametrize(
    ("leaf", "place"),
    [
        ({"chioce": [1]}, "x"),
        ({"choice": [1], "grid": [1]}, "x"),
        ({"choice": []}, "x.choice"),
        ({"grid": 3}, "x.grid"),
        ({"loguniform": [1e-2, 1e-4]}, "x.loguniform"),
        ({"loguniform": [0, 1]}, "x.loguniform"),
        ({"uniform": [1]}, "x.uniform"),
        ({"uniform": ["a", "b"]}, "x.uniform"),
        ({"randint": [0.5, 2]}, "x.randint"),
        ({"simplex": 0}, "x.simplex"),
    ],
    ids=str,
)
def test_a_broken_domain_is_named_with_its_fix(leaf, place, worded):
    (problem,) = _domains({"x": leaf}).values()
    assert isinstance(problem, MtlkdError)
    assert problem.where == place
    worded(problem)


def test_the_extent_of_a_tree_counts_its_values_and_what_its_domains_choose_from():
    tree = {"a": {"choice": [1, 2, 3]}, "b": [{"uniform": [0, 1]}, "c"], "d": {"grid": ["x"]}, "e": {"choice": 3}}
    assert domains.extent(tree) == (1 + 5 + (1 + 4 + 1) + 3 + 2, 3 + 2 + 1 + 2)
