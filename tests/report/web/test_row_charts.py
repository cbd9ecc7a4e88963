from types import SimpleNamespace

import numpy as np
import pytest

from ray_mtlkd.report.calibration import Calibration
from ray_mtlkd.report.confusions import UNSEEN, Confusion
from ray_mtlkd.report.web.row_charts import calibration_chart, confusions_chart


@pytest.fixture
def setup(made, setups_of):
    """A task ``t0`` of setup ``s``."""
    return setups_of(made("sum", seed=1, test=[0.5]))[0]


def _confusion(counts, trials=2):
    counts = np.array(counts)
    return Confusion(
        classes=tuple("abcdefghijklmnopqrstuvwxyzABCDEFGH"[: counts.shape[1]]), counts=counts, trials=trials
    )


def _charted(setup, found):
    return confusions_chart(setup, SimpleNamespace(confusions={("s", "t0", "sum"): found}))


def test_a_cell_is_the_share_of_its_class_and_tells_the_rows_of_a_trial(setup):
    (trace,) = _charted(setup, _confusion([[6, 2], [0, 4], [0, 0]])).data
    assert trace["z"] == [[75.0, 25.0], [0.0, 100.0]]
    assert trace["customdata"] == [[3, 1], [0, 2]]


def test_classes_that_train_lacks_have_a_row_where_there_are_some(setup):
    chart = _charted(setup, _confusion([[6, 2], [0, 4], [1, 3]]))
    assert chart.layout["yaxis"]["ticktext"] == ["a", "b", UNSEEN]
    assert chart.data[0]["z"][-1] == [25.0, 75.0]


def test_of_many_classes_those_with_most_mistakes_stand_alone_and_no_row_is_lost(setup):
    counts = [*np.diag(np.full(30, 5)).tolist(), [0] * 30]
    counts[29][28] = 5
    chart = _charted(setup, _confusion(counts, trials=1))
    names = chart.layout["yaxis"]["ticktext"]
    assert names[-1] == "6 others"
    assert {"C", "D"} <= set(names)
    assert np.sum(chart.data[0]["customdata"]) == 30 * 5 + 5


def test_a_point_of_a_reliability_diagram_is_a_bin_over_all_trials(setup):
    rows, said, true = (np.zeros((2, 15)) for _ in range(3))
    rows[:, 12], said[:, 12], true[:, 12] = (6, 2), (4.9, 1.7), (3, 1)
    found = Calibration(rows=rows, said=said, true=true)
    chart = calibration_chart(setup, SimpleNamespace(calibrations={("s", "t0", "sum"): found}))
    honest, curve = chart.data
    assert honest["x"] == honest["y"] == [0, 1]
    assert (curve["x"], curve["y"], curve["customdata"]) == ([0.825], [0.5], [8])


def test_without_predictions_there_is_no_chart(setup):
    assert confusions_chart(setup, SimpleNamespace(confusions={})) is None
    assert calibration_chart(setup, SimpleNamespace(calibrations={})) is None
