from ray_mtlkd.report import tables
from ray_mtlkd.report.classical import Classical
from ray_mtlkd.report.text import NOTHING
from tests.columns import changed


def _rows(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_metrics_are_mean_and_deviation_with_the_peak_beside(made, setups_of):
    (setup,) = setups_of(
        *(made("sum", seed=seed, test=[metric, 1.0], signs=[1, -1]) for seed, metric in enumerate((0.4, 0.5, 0.6))),
        made("joint_kd", seed=0, test=[0.7, 0.25], signs=[1, -1]),
    )
    header, _, sums, joint = _rows(tables.metrics(setup, Classical()))
    assert header[2:] == ["t0<br>accuracy ↑", "t1<br>accuracy ↓"]
    assert sums == ["`sum`", "3", "0.500 ± 0.100 (0.500)", "1.000 ± 0.000 (1.000)"]
    assert joint == ["`joint_kd`", "1", "0.700 (0.700)", "0.250 (0.250)"]


def test_negative_transfer_counts_and_names_tasks_and_stars_shown_losses(made, setups_of):
    (setup,) = setups_of(
        *(made("single_task", seed=seed, test=[0.8, 0.5, 2.0], signs=[1, 1, -1]) for seed in range(3)),
        made("sum", seed=0, test=[0.7, 0.6, 2.5], signs=[1, 1, -1]),
        made("sum", seed=1, test=[0.7, 0.6, 1.9], signs=[1, 1, -1]),
        made("sum", seed=2, test=[0.701, 0.6, 2.0], signs=[1, 1, -1]),
    )
    assert _rows(tables.transfer(setup, "single_task"))[2] == ["`sum`", "2 of 3", r"t0\*, t2"]


def test_a_task_that_did_not_train_is_marked_not_starred(made, setups_of):
    late = [{"kind": "untrained", "task": "t0", "text": "the budget ended before t0 had trained"}]
    (setup,) = setups_of(
        *(made("single_task", seed=seed, test=[0.8]) for seed in range(3)),
        *(made("sequential", seed=seed, test=[0.0], warnings=late) for seed in range(3)),
    )
    assert _rows(tables.transfer(setup, "single_task"))[2] == ["`sequential`", "1 of 1", "t0†"]


def test_negative_transfer_needs_single_task(made, setups_of):
    (setup,) = setups_of(made("sum", seed=0, test=[0.7]))
    assert all("not known" in tables.transfer(setup, name) for name in (None, "single_task"))


def test_negative_transfer_needs_shared_seeds(made, setups_of):
    (setup,) = setups_of(made("sum", seed=0, test=[0.7]), made("single_task", seed=1, test=[0.7]))
    assert _rows(tables.transfer(setup, "single_task"))[2] == ["`sum`", NOTHING, "no shared seed"]


def test_retention_of_a_falling_metric_is_inverted(made, setups_of):
    # rmse 1.25 at the checkpoint, 1.0 at the teacher: a fifth is lost
    (setup,) = setups_of(made("joint_kd", seed=0, test=[1.0], signs=[-1], retention=1.25))
    assert _rows(tables.retention(setup))[2][1:] == ["0.800", "1 of 1", "t0 0.800"]


def test_one_task_that_converged_too_early_does_not_rule_retention(made, setups_of):
    trials = [made("sum", seed=seed, test=[0.9], retention=kept) for seed, kept in enumerate((0.98, 0.99, 30.0))]
    (setup,) = setups_of(*trials)
    assert _rows(tables.retention(setup))[2][1:] == ["0.990", "3 of 3", "t0 0.990"]


def test_what_trials_took_is_a_mean_over_seeds(made, setups_of):
    (setup,) = setups_of(
        made("sum", seed=0, test=[1.0], steps=1000, batches=12000, wall_s=1.0),
        made("sum", seed=1, test=[1.0], steps=2000, batches=12000, wall_s=2.0),
    )
    (row,) = _rows(tables.quantities(setup))[2:]
    assert (row[0], *row[-4:]) == ("`sum`", "1 500", "12 000", "1.5", "1.5")


def test_parameters_that_train_are_told_where_others_stay_as_they_are(made, setups_of):
    free, frozen = ({"parameters": 3000, "trained_parameters": trained} for trained in (3000, 20))
    for columns, cells in (
        ({"parameters": None, "trained_parameters": None}, []),
        (free, ["3 000"]),
        (frozen, ["3 000", "20"]),
    ):
        (setup,) = setups_of(*(made("sum", seed=seed, test=[0.5], **columns) for seed in range(2)))
        header, _, row = _rows(tables.quantities(setup))
        at = header.index("physical steps")
        assert row[at - len(cells) : at] == cells
        assert ("parameters" in header) == bool(cells)


def test_retention_says_over_how_many_tasks_it_is(made, setups_of):
    few = [
        changed(record, retention=0.9 if record.identity.task == "t1" else None)
        for record in made("sum", seed=0, test=[1, 1])
    ]
    (setup,) = setups_of(few, made("sum", seed=1, test=[1, 1], retention=0.8))
    assert _rows(tables.retention(setup))[2][1:] == ["0.800", "3 of 4", "t0 0.800"]
