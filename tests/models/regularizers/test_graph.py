import pytest
import torch
from pydantic import ValidationError

from ray_mtlkd.models.regularizers.graph import Graph
from ray_mtlkd.models.regularizers.mean_constraint import MeanConstraint
from tests.models.regularizers.conftest import LinearModel

EDGES = ((0, 1), (1, 2), (3, 4))


def named(edges):
    """Tasks of `LinearModel` by their names."""
    return tuple((f"task{one}", f"task{other}") for one, other in edges)


def test_on_linear_heads_it_is_the_ridge_regression_of_its_kernel(regressions):
    weights = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    drawn = regressions(weights, rows=6)
    laplacian = torch.zeros(5, 5, dtype=torch.float64)
    for s, t in EDGES:
        laplacian[[s, t], [s, t]] += 1
        laplacian[[s, t], [t, s]] -= 1
    # K(x, s; z, t) = x·z M_st with M the inverse of what the penalty weighs tasks by, and then K a + a = y
    m = torch.linalg.inv(2.0 * laplacian + 0.5 * torch.eye(5, dtype=torch.float64))
    rows, task = drawn.rows.flatten(0, 1), torch.arange(5).repeat_interleave(6)
    kernel = (rows @ rows.T) * m[task][:, task]
    a = torch.linalg.solve(kernel + torch.eye(30, dtype=torch.float64), drawn.numbers.flatten())
    expected = torch.stack([((a * m[t][task]).unsqueeze(1) * rows).sum(0) for t in range(5)])
    model = drawn.fitted(Graph(edges=named(EDGES), strength=2.0, size=0.5).penalty, steps=200)
    # where a line search ends
    torch.testing.assert_close(model.rows, expected, atol=1e-4, rtol=1e-4)


def test_it_beats_ridge_where_neighbours_are_alike(regressions, best_ridge):
    chance = torch.Generator().manual_seed(0)
    along = torch.randn(20, 8, generator=chance, dtype=torch.float64).cumsum(0) * 0.4
    drawn = regressions(along, rows=8)
    model = drawn.fitted(Graph(edges=named((at, at + 1) for at in range(19)), strength=1.5).penalty)
    assert drawn.error(model) < 0.8 * best_ridge(drawn)


def test_without_edges_everybody_is_a_neighbour():
    model = LinearModel(4, 3)
    together = MeanConstraint(strength=4.0).penalty(model)
    torch.testing.assert_close(Graph(strength=1.0).penalty(model), together)


def test_an_edge_to_itself_is_refused():
    with pytest.raises(ValidationError):
        Graph(edges=named([(1, 1)]))


def test_of_a_model_of_some_tasks_it_has_the_edges_among_them():
    model = LinearModel(3, 3)
    some, all_of_these = Graph(edges=named([(0, 1), (0, 4), (5, 6)])), Graph(edges=named([(0, 1)]))
    assert torch.equal(some.penalty(model), all_of_these.penalty(model))
    assert Graph(edges=named([(0, 4)])).penalty(model) == 0
