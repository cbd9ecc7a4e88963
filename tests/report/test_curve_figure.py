from dataclasses import replace

import numpy as np
import pytest

from ray_mtlkd.report.curve_figure import draw_curves
from ray_mtlkd.report.load import read
from ray_mtlkd.report.runs import group
from tests.columns import changed


@pytest.fixture
def figure(fake_trial, write, tmp_path):
    def draw(*strategies, seeds=(5, 6), also=()):
        trials = [fake_trial(setup="diverse", strategy=name, seed=seed) for name in strategies for seed in seeds]
        records = read([str(write(tmp_path, iter(trials)))])
        (setup,) = group(records.table)
        return draw_curves(setup, records, also=also)

    return draw


def test_the_three_strategies_stand_side_by_side_with_their_lowest_seed(figure):
    titles = [axis.get_title() for axis in figure("sequential_kd", "pcgrad", "joint_kd", "sum").axes]
    assert titles == ["sum (seed 5)", "joint_kd (seed 5)", "sequential_kd (seed 5)"]


def test_what_to_ship_and_the_best_one_have_panels_in_a_second_row(figure):
    drawn = figure("sum", "joint_kd", "sequential_kd", "stop", "pcgrad", also=("pcgrad", "stop", "sum", "static"))
    titles = [axis.get_title().split()[0] for axis in drawn.axes]
    assert titles == ["sum", "joint_kd", "sequential_kd", "pcgrad", "stop"]
    rows = [axis.get_subplotspec().rowspan.start for axis in drawn.axes]
    assert rows == [0, 0, 0, 1, 1]
    assert [bool(axis.get_xlabel()) for axis in drawn.axes] == [False, False, True, True, True]


def test_faint_lines_are_explained_where_there_are_some(figure):
    def labels(drawn):
        return [text.get_text() for text in drawn.legends[0].get_texts()]

    assert "other seeds" not in labels(figure("sum", seeds=(5,)))
    assert "other seeds" in labels(figure("sum", seeds=(5, 6)))


def test_tasks_that_never_trained_are_named_in_their_panel(fake_trial, write, tmp_path):
    trial = fake_trial(setup="diverse", strategy="sequential_kd", seed=1)
    for at in (1, 3):
        idle = [replace(point, valid=None, phase="waiting") for point in trial[at].result.curve]
        trial[at] = changed(trial[at], curve=[*idle[:-1], replace(idle[-1], phase="labels")])
    records = read([str(write(tmp_path, iter([trial])))])
    (setup,) = group(records.table)
    (axis,) = draw_curves(setup, records).axes
    assert [text.get_text() for text in axis.texts] == ["never trained: match, tags"]


def test_a_task_with_one_evaluation_is_a_dot(fake_trial, write, tmp_path):
    trial = fake_trial(setup="diverse", strategy="sum", seed=1)
    *early, last = trial[2].result.curve
    trial[2] = changed(trial[2], curve=[*(replace(p, valid=None, phase="waiting") for p in early), last])
    records = read([str(write(tmp_path, iter([trial])))])
    (setup,) = group(records.table)
    (axis,) = draw_curves(setup, records).axes
    assert [list(line.get_xdata()) for line in axis.lines if line.get_marker() == "."] == [[6000]]
    assert not axis.texts


def test_absent_strategies_leave_no_panel(figure):
    assert [axis.get_title() for axis in figure("joint_kd").axes] == ["joint_kd (seed 5)"]


def test_without_any_of_them_there_is_no_figure(figure):
    assert figure("pcgrad") is None


def test_other_seeds_are_faint(figure):
    (axis,) = figure("sum").axes
    faint = [line for line in axis.lines if line.get_alpha() is not None]
    assert len(faint) == 5


def test_at_most_ten_seeds_are_drawn(figure):
    (axis,) = figure("sum", seeds=range(14)).axes
    assert len([line for line in axis.lines if line.get_alpha() is not None]) == 9 * 5


def test_skill_of_a_task_whose_metric_falls_rises(figure):
    (axis,) = figure("sum", seeds=(5,)).axes
    rating = next(line for line in axis.lines if line.get_color() == "#009E73")
    assert rating.get_ydata()[10] > rating.get_ydata()[0] + 0.2
    assert np.nanmax(rating.get_ydata()) < 1


def test_every_switch_is_marked_on_its_tasks_line_and_rewinds_stand_upright(figure):
    (axis,) = figure("joint_kd", seeds=(5,)).axes
    rings = [line for line in axis.lines if line.get_marker() == "o"]
    assert len(rings) == 5
    upright = [line for line in axis.lines if line.get_linestyle() == ":"]
    assert {line.get_xdata()[0] for line in upright} == {2100}


def test_a_waiting_task_has_no_line_yet(figure):
    (axis,) = figure("sequential_kd", seeds=(5,)).axes
    entities = next(line for line in axis.lines if line.get_color() == "#E69F00")
    assert np.isnan(entities.get_ydata()[:10]).all()


def test_a_task_whose_trivial_predictor_is_perfect_has_no_skill_to_draw(fake_trial, write, tmp_path):
    trial = fake_trial(setup="similar", strategy="sum", seed=1)
    records = read([str(write(tmp_path, iter([[changed(trial[0], trivial=1.0), *trial[1:]]])))])
    (setup,) = group(records.table)
    (axis,) = draw_curves(setup, records).axes
    assert [bool(np.isfinite(line.get_ydata()).any()) for line in axis.lines[::2]] == [False, True, True, True, True]


def test_without_a_point_there_is_no_figure(made, write, tmp_path):
    records = read([str(write(tmp_path, iter([made("sum", seed=1, test=[0.5])])))])
    (setup,) = group(records.table)
    assert draw_curves(setup, records) is None
