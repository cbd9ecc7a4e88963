import pytest

from ray_mtlkd.report.searched import Tried
from ray_mtlkd.report.web.search_chart import search_chart


def _search(keys, *points, failed=0):
    found = {("w", at): point for at, point in enumerate(points)}
    return Tried(keys=keys, points=found, scores=tuple(map(float, range(len(points)))), failed=failed)


def _ticks(chart, axis):
    return {each["text"]: each["y"] for each in chart.layout["annotations"] if each["x"] == axis}


def test_an_axis_is_logarithmic_where_the_search_is():
    search = _search(("training.lr",), *((10.0**-power,) for power in (1, 2, 3, 3.5, 4, 5)))
    for names, middle in ((["training.lr"], "0.001"), ([], "0.05")):
        ticks = _ticks(search_chart("s", {"sum": search}, names), 0)
        assert ticks == {"1e-05": 0, middle: pytest.approx(0.5, abs=0.01), "0.1": 1}


def test_every_configuration_is_a_line_to_its_score_and_the_best_are_drawn_last():
    search = _search(("a", "b"), *((float(at), "x" if at % 2 else "y") for at in range(12)))
    chart = search_chart("s", {"sum": search}, [])
    ends = [trace["y"][at] for trace in chart.data for at in range(2, len(trace["y"]), 4)]
    assert ends == pytest.approx([at / 11 for at in range(12)], abs=1e-4)
    assert [trace["name"] for trace in chart.data][-1] == "9 to 11"


def test_what_is_not_drawn_is_told():
    points = [(float(at), f"word {at}") for at in range(12)]
    chart = search_chart("s", {"sum": _search(("a", "weights"), *points, failed=2)}, [])
    assert len(chart.layout["xaxis"]["tickvals"]) == 2
    assert "`sum` without `weights`" in chart.said
    assert "`sum` without 2 that failed" in chart.said


def test_a_configuration_that_lacks_a_setting_passes_at_the_foot():
    chart = search_chart("s", {"sum": _search(("a",), (None,), (1.0,), (2.0,))}, [])
    foot = _ticks(chart, 0)["without"]
    assert foot < 0
    assert chart.data[0]["y"][0] == foot


def test_without_a_search_there_is_no_chart():
    assert search_chart("s", {}, []) is None
