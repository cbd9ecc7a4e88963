from dataclasses import replace

import pytest

from benchmarks.draws import SPACES, Reached, measure, report, tables_of
from ray_mtlkd.sweep.plan import Plan
from ray_mtlkd.sweep.space import read_space


def test_a_strategy_is_trained_on_a_draw():
    trial = Plan(read_space(SPACES / "distilled_rows.yaml"), {"similar": 5}).replicates(("similar", "all"), 0)[0]
    training = replace(trial.configuration.training, steps=4, eval_every=2)
    reached = measure("similar", replace(trial.configuration, training=training), draw=1)
    assert reached.valid != reached.test


def test_labels_that_are_held_back_are_in_no_table_and_the_rows_may_be_distilled_from():
    features = Plan(read_space(SPACES / "distilled_rows.yaml"), {"similar": 5}).replicates(("similar", "all"), 0)[0]
    features = features.configuration.architecture.features
    whole, cut = (tables_of("similar", features, draw=1, held_back=share) for share in (0.0, 0.75))
    for before, after in zip(whole.tasks, cut.tasks, strict=True):
        assert len(after.train.row_ids) == round(len(before.train.row_ids) / 4)
        assert before.unlabelled is None
        assert len(after.unlabelled) == len(before.train.row_ids) - len(after.train.row_ids)


def test_differences_from_the_first_strategy_are_paired_by_draw():
    found = {
        "own": [Reached(valid=10.0, test=20.0), Reached(valid=30.0, test=40.0), Reached(valid=50.0, test=60.0)],
        "all": [Reached(valid=11.0, test=20.0), Reached(valid=31.0, test=41.0), Reached(valid=51.0, test=62.0)],
    }
    rows = {row.what: row for row in report("similar", found)}
    assert rows["all, valid"].figure == pytest.approx(31.0)
    certain, test = rows["all - own, valid"], rows["all - own, test"]
    assert (certain.low, certain.figure, certain.high) == pytest.approx((1.0, 1.0, 1.0))
    # Student's t with two degrees of freedom: 4.3027 x 1 / sqrt(3)
    assert (test.low, test.figure, test.high) == pytest.approx((1 - 2.4842, 1.0, 1 + 2.4842), abs=1e-3)
