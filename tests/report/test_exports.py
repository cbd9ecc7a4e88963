import csv

from ray_mtlkd.report.exports import configurations_table, gains_table, strategies_table, tasks_table
from ray_mtlkd.report.history import trials
from ray_mtlkd.report.load import of
from ray_mtlkd.report.quantities import QUANTITIES
from ray_mtlkd.report.runs import group
from ray_mtlkd.report.sheets import csv_file
from ray_mtlkd.report.summary import summarise


def _read(table):
    return list(csv.DictReader(csv_file(table).decode().splitlines()))


def test_gains_have_a_row_a_reference_and_empty_cells_where_there_is_no_number(made, setups_of):
    rows = _read(
        gains_table(summarise(setups_of(made("sum", seed=1, test=[0.5]), made("joint_kd", seed=1, test=[0.6]))))
    )
    assert len(rows) == 2 * 3
    over_sum = next(row for row in rows if row["strategy"] == "joint_kd" and row["reference"] == "sum")
    assert (over_sum["skill_points"], over_sum["raw_low_95"], over_sum["low"], over_sum["seeds"]) == ("10", "", "", "1")
    assert (over_sum["gain_percent"], over_sum["finding"], over_sum["mean_rank"]) == ("20", "cannot tell", "1")
    single = next(row for row in rows if row["reference"] == "single_task")
    assert (single["state"], single["skill_points"], single["gain_percent"]) == ("none", "", "")


def test_raw_intervals_and_those_that_hold_together_are_told_apart(made, setups_of):
    levels = {"sum": 0.5, "joint_kd": 0.6, "stop": 0.7}
    trials = [
        made(name, seed=seed, test=[level + seed**2 / 90]) for name, level in levels.items() for seed in (1, 2, 3)
    ]
    row = next(row for row in _read(gains_table(summarise(setups_of(*trials)))) if row["strategy"] == "joint_kd")
    assert float(row["low"]) <= float(row["raw_low_95"]) <= float(row["raw_high_95"]) <= float(row["high"])


def test_strategies_have_a_row_a_measure_that_is_known_of_them(made, failed, setups_of):
    trials = [made("sum", seed=seed, test=[0.5], steps=100 * seed) for seed in (1, 2)]
    rows = _read(strategies_table(setups_of(*trials, failed(made("joint_kd", seed=1, test=[0.5]), "killed"))))
    assert [row["quantity"] for row in rows] == [quantity.name for quantity in QUANTITIES]
    (steps,) = (row for row in rows if row["quantity"] == "steps")
    assert (steps["strategy"], steps["mean"], steps["seeds"]) == ("sum", "150", "2")


def test_tasks_have_a_row_a_replicate_trial_and_task_failed_ones_included(made, failed):
    trials = [
        made("sum", seed=1, test=[0.5, 0.6]),
        made("sum", seed=0, test=[0.5, 0.6], stage="search"),
        failed(made("sum", seed=2, test=[0.5, 0.6]), 'loss is "NaN", sadly'),
    ]
    table = of([record for trial in trials for record in trial]).table
    assert group(table)
    rows = _read(tasks_table(table))
    assert [(row["seed"], row["task"], row["test"]) for row in rows] == [
        ("1", "t0", "0.5"),
        ("1", "t1", "0.6"),
        ("2", "t0", ""),
        ("2", "t1", ""),
    ]
    assert rows[2]["error"] == 'loss is "NaN", sadly'


def test_every_configuration_is_told_once_with_all_its_settings(made, failed):
    records = [
        *made("sum", seed=0, test=[0.5], stage="search", config_index=0, config='{"a": 1, "b": 2}'),
        *failed(made("sum", seed=0, test=[0.5], stage="search", config_index=1, config='{"a": 3, "b": 2}'), "lost"),
        *(record for seed in (7, 8) for record in made("sum", seed=seed, test=[0.5], config='{"a": 1, "b": 2}')),
    ]
    rows = _read(configurations_table(trials(of(records).table)))
    assert [list(row.values())[3:] for row in rows] == [
        ["0", "ok", "0.5", "2", '{"a": 1, "b": 2}'],
        ["1", "failed", "", "0", '{"a": 3, "b": 2}'],
    ]
