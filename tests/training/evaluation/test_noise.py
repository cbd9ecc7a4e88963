import numpy as np
import pytest

from ray_mtlkd.tasks.metrics import evaluate
from ray_mtlkd.training.evaluation.noise import GROUPS, Validated, error_of_gain, mean_of, without_groups
from ray_mtlkd.training.evaluation.predicted import measurable


@pytest.fixture(scope="module")
def outputs(tables):
    """Drawn raw outputs of two models for the validation rows of each task, the second near the first."""
    rng = np.random.default_rng(3)
    found = []
    for table in tables.tasks:
        shape = (
            len(table.valid.labels),
            *((table.task.outputs,) if table.task.kind not in {"binary", "regression"} else ()),
        )
        first = rng.normal(size=shape).astype(np.float32)
        found.append((first, first + 0.2 * rng.normal(size=shape).astype(np.float32)))
    return found


def _measured(table, outputs):
    return Validated(value=0.0, without=without_groups(measurable(table, "valid", outputs)))


@pytest.mark.parametrize("at", range(5))
def test_each_group_of_rows_is_left_out_once(tables, outputs, at):
    """Of a mean over rows (groups are almost of one size) the mean without each group is the mean of all."""
    table = tables.tasks[at]
    without = _measured(table, outputs[at][0]).without
    assert len(without) == GROUPS
    labels, offsets = table.valid.labels.numpy(), table.valid.label_offsets
    whole = evaluate(table.task, outputs[at][0], labels, None if offsets is None else offsets.numpy())
    assert np.mean(without) == pytest.approx(whole, abs=0.01)
    assert len(set(without)) > 1


def test_the_error_of_a_mean_over_rows_is_the_textbooks(tables):
    """Of accuracies: sqrt(p (1 - p) / n), and of their paired difference the standard error of the mean of +1, 0, -1.

    Both on average over tables: one jackknife of 24 groups is good to 15 %.
    """
    table, rng = tables.tasks[0], np.random.default_rng(5)
    labels, rows = table.valid.labels.numpy(), len(table.valid)
    ratios = []
    for _ in range(60):
        first = rng.normal(size=rows).astype(np.float32) + labels
        second = np.where(rng.random(rows) < 0.2, -first, first)
        right = [(outputs > 0) == labels for outputs in (first, second)]
        gain = right[1].astype(float) - right[0]
        present, earlier = (_measured(table, outputs) for outputs in (second, first))
        ratios.append(error_of_gain(present, earlier) / (gain.std() / np.sqrt(rows)))
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.06)  # 3 standard errors of 15 % / sqrt(60)


def test_a_model_gains_nothing_on_itself(tables, outputs):
    measured = _measured(tables.tasks[1], outputs[1][0])
    assert error_of_gain(measured, measured) == 0.0


def test_a_mean_of_evaluations_is_known_without_each_group_as_well():
    parts = [Validated(value=0.5, without=(0.4, 0.6)), Validated(value=0.7, without=(0.8, 0.6))]
    assert mean_of(parts).value == pytest.approx(0.6)
    assert mean_of(parts).without == pytest.approx((0.6, 0.6))


def test_a_metric_of_others_has_no_error():
    assert error_of_gain(Validated(value=0.5), Validated(value=0.7)) == 0.0
    assert error_of_gain(Validated(value=0.5, without=(0.4, 0.6)), Validated(value=0.7)) == 0.0
