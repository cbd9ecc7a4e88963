import pytest

from ray_mtlkd.report import gain_tables
from ray_mtlkd.report.comparison import Contrast
from ray_mtlkd.report.statistics import Interval
from ray_mtlkd.report.summary import Cell, summarise
from ray_mtlkd.report.text import NOTHING


def _rows(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (Cell(state="self"), NOTHING),
        (Cell(state="budget"), "not comparable (budget)"),
        (Cell(state="undefined"), "undefined"),
        (Cell(state="missing"), "no shared seed"),
    ],
)
def test_a_cell_without_a_difference_says_why(cell, shown):
    assert gain_tables.cell(cell) == shown


def _contrast(**changed):
    variance = {"seeds": 0.01, "configurations": 0.0, "rows": 0.0}
    return Contrast(
        **{
            "mean": 0.4,
            "variance": variance,
            "df": 4.0,
            "df_of_seeds": 4.0,
            "seeds": 3,
            "family": 1,
            "margin": 0.5,
            **changed,
        }
    )


def test_a_difference_is_printed_with_its_interval_and_what_it_shows():
    # t(0.975, 4) = 2.776
    assert gain_tables.cell(Cell(state="known", skill=_contrast())) == "+0.40 [+0.12, +0.68] better"
    assert gain_tables.cell(Cell(state="known", skill=_contrast(mean=0.1))) == "+0.10 [-0.18, +0.38] equivalent"
    assert gain_tables.cell(Cell(state="known", skill=_contrast(mean=0.24))) == "+0.24 [-0.04, +0.52] cannot tell"
    assert gain_tables.cell(Cell(state="known", skill=_contrast(df=None))) == "+0.40 cannot tell"


def test_a_relative_gain_names_the_task_whose_it_mostly_is():
    gain = Interval(mean=14.1, low=12.0, high=16.2, seeds=6, method="student-t")
    shares = {"emotions": 14.6, "rating": -0.5}
    assert gain_tables.relative(Cell(state="known", gain=gain, by_task=shares)) == "+14.10, emotions alone +14.60"
    assert gain_tables.relative(Cell(state="known", gain=gain, by_task={"a": 7.0, "b": 7.05, "c": 0.05})) == "+14.10"
    assert gain_tables.relative(Cell(state="known")) == "undefined"
    assert gain_tables.relative(Cell(state="self")) == NOTHING


def test_gains_are_a_row_a_strategy(made, setups_of):
    gains = {"sum": (0, 0, 0), "joint_kd": (9, 10, 11), "single_task": (-1, 1, -2)}
    trials = [
        made(name, seed=seed, test=[0.5 * (1 + percent / 100)])
        for name, percents in gains.items()
        for seed, percent in enumerate(percents)
    ]
    header, _, sums, joint, _ = _rows(gain_tables.gains(summarise(setups_of(*trials)), "s"))
    assert header[2] == "over the best baseline, `sum`"
    assert joint[:2] == ["`joint_kd`", "kd"]
    assert joint[2] == joint[3]
    assert joint[3].startswith("+5.00 [")
    assert joint[5:] == ["+10.00", "100", "1.0"]
    assert sums[2:4] == [NOTHING, NOTHING]


def test_what_each_task_adds_is_in_points_and_percent(made, setups_of):
    setups = setups_of(made("sum", seed=1, test=[0.1, 0.8]), made("static", seed=1, test=[0.2, 0.76]))
    (row,) = _rows(gain_tables.contributions(summarise(setups), setups[0]))[2:]
    assert row == ["`static`", "+5.00 (+50.00 %)", "-2.00 (-2.50 %)"]


def test_what_intervals_are_made_of_is_told(made, setups_of):
    trials = [made(name, seed=seed, test=[0.5 + seed**2 / 50]) for name in ("sum", "stop") for seed in range(3)]
    trials += [made(name, seed=seed, test=[0.5]) for name in ("joint_kd",) for seed in range(3)]
    row = _rows(gain_tables.variances(summarise(setups_of(*trials))))[2]
    assert row[:3] == ["s", "3", "3"]
    assert row[6:] == ["one each: how it was chosen is in no interval", "not stored: their luck is in no interval"]
