from matplotlib.markers import CARETLEFT, CARETRIGHT

from ray_mtlkd.report.figures import draw_gains, saved, style
from ray_mtlkd.report.summary import summarise

CUTS = (CARETLEFT, CARETRIGHT)


def _summary(made, setups_of, gains):
    trials = [
        made(name, seed=seed, valid=[0.5], test=[0.5 * (1 + percent / 100)])
        for name, percents in gains.items()
        for seed, percent in enumerate(percents)
    ]
    return summarise(setups_of(*trials))


def test_strategies_are_sorted_by_gain_and_named(made, setups_of):
    summary = _summary(made, setups_of, {"sum": (0, 0), "joint_kd": (5, 6), "stop": (-4, -3)})
    best, over_sum = draw_gains(summary).axes
    assert [label.get_text() for label in best.get_yticklabels()] == ["stop", "sum", "joint_kd"]
    assert best.get_title(loc="center") + best.get_title(loc="left") == "s: over the best baseline (sum)"
    assert over_sum.get_xlabel() == "difference in mean skill on test, points"


def test_intervals_that_span_zero_are_muted(made, setups_of):
    summary = _summary(made, setups_of, {"sum": (0, 0, 0), "joint_kd": (5, 5.1, 5.2), "stop": (-4, 4, 0.5)})
    axis = draw_gains(summary).axes[1]
    alphas = {line.get_ydata()[0]: line.get_alpha() for line in axis.lines if line.get_marker() == "o"}
    assert alphas == {1: 0.35, 2: 1.0}


def test_one_very_wide_interval_does_not_squeeze_the_others(made, setups_of):
    summary = _summary(
        made, setups_of, {"sum": (0,) * 3, "joint_kd": (5, 5.1, 5.2), "stop": (4, 4.1, 4), "static": (-90, 90, 1)}
    )
    low, high = draw_gains(summary).axes[1].get_xlim()
    assert low > -20
    assert high < 20


def test_an_interval_that_is_cut_ends_in_an_arrowhead_with_its_value(made, setups_of):
    summary = _summary(
        made, setups_of, {"sum": (0,) * 3, "joint_kd": (5, 5.1, 5.2), "stop": (4, 4.1, 4), "static": (-90, 90, 1)}
    )
    axis = draw_gains(summary).axes[1]
    low, high = summary.cells["s", "static", "sum"].skill.interval
    assert [text.get_text() for text in axis.texts] == [f"{low:+.1f}", f"{high:+.1f}"]
    heads = {line.get_marker(): line.get_xdata()[0] for line in axis.lines if line.get_marker() in CUTS}
    assert heads == dict(zip(CUTS, axis.get_xlim(), strict=True))


def test_an_interval_within_the_panel_has_no_arrowhead(made, setups_of):
    summary = _summary(made, setups_of, {"sum": (0, 0, 0), "joint_kd": (5, 5.1, 5.2)})
    assert not any(line.get_marker() in CUTS for axis in draw_gains(summary).axes for line in axis.lines)


def test_what_cannot_be_compared_is_written_as_such(made, setups_of):
    late = [{"kind": "untrained", "task": "t0", "text": "the budget ended before t0 had trained"}]
    summary = summarise(
        setups_of(
            made("sum", seed=1, test=[0.5]),
            made("joint_kd", seed=1, test=[float("nan")]),
            made("sequential", seed=1, test=[0.1], warnings=late),
        )
    )
    over_sum = draw_gains(summary).axes[1]
    said = sorted(text.get_text().strip() for text in over_sum.texts)
    assert said == ["not comparable (budget)", "undefined"]


def test_the_same_records_give_the_same_bytes(made, setups_of):
    summary = _summary(made, setups_of, {"sum": (0, 0), "joint_kd": (5, 6)})
    with style():
        first, second = saved(draw_gains(summary)), saved(draw_gains(summary))
    assert first == second
    assert first.startswith(b"<?xml")
    assert b"<dc:date>" not in first
