import numpy as np
import pytest

from ray_mtlkd.report.load import read
from ray_mtlkd.report.matrix_figure import draw_matrices
from ray_mtlkd.report.runs import group
from tests.columns import changed

TASKS = 3


@pytest.fixture
def figure(made, write, tmp_path):
    """Draws the matrices of trials, each a strategy, a seed and the columns that its records have."""

    def draw(*trials):
        def records():
            for strategy, seed, matrices in trials:
                rows = made(strategy, seed=seed, test=[0.5] * TASKS)
                for at, row in enumerate(rows):
                    rows[at] = changed(row, **{name: matrix[at] for name, matrix in matrices.items()})
                yield rows

        found = read([str(write(tmp_path, records()))])
        (setup,) = group(found.table)
        return draw_matrices(setup, found)

    return draw


def _image(axis):
    return np.ma.filled(axis.images[0].get_array().astype(float), np.nan)


def test_a_heat_map_is_the_mean_over_the_trials_of_a_strategy(figure):
    one, other = np.eye(TASKS), np.full((TASKS, TASKS), 0.5)
    drawn = figure(*(("pcgrad", seed, {"cosines": matrix.tolist()}) for seed, matrix in enumerate((one, other))))
    (axis,) = drawn.axes
    assert np.allclose(_image(axis), (one + other) / 2)
    assert axis.get_title() == "pcgrad\ncosine of gradients"
    assert [label.get_text() for label in axis.get_yticklabels()] == ["t0", "t1", "t2"]


def test_how_a_regularizer_relates_tasks_has_a_heat_map_of_its_own(figure):
    related = np.eye(TASKS) / 3
    (axis,) = figure(("sum", 1, {"relations": related.tolist()})).axes
    assert np.allclose(_image(axis), related)
    assert axis.get_title() == "sum\nrelation of heads"


def test_every_strategy_that_measured_something_has_a_row_and_the_others_none(figure):
    measured = {"cosines": np.eye(TASKS).tolist(), "affinities": np.eye(TASKS).tolist()}
    drawn = figure(("pcgrad", 1, measured), ("sum", 1, {}), ("gradnorm", 1, {"cosines": measured["cosines"]}))
    rows = [axis.get_title().partition("\n")[0] for axis in drawn.axes]
    assert sorted(rows) == ["gradnorm", "pcgrad", "pcgrad"]


def test_pairs_that_never_met_have_no_number(figure):
    matrix = [[1.0, None, 0.25], [None, None, None], [0.25, None, 1.0]]
    (axis,) = figure(("pcgrad", 1, {"affinities": matrix})).axes
    assert [text.get_text() for text in axis.texts] == ["100", "25", "25", "100"]
    # what tasks do to themselves does not set the scale
    assert axis.images[0].get_clim() == (-25.0, 25.0)


def test_where_nothing_was_measured_there_is_no_figure(figure):
    assert figure(("sum", 1, {})) is None
