import numpy as np
import pytest

from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.tasks.metrics import evaluate
from ray_mtlkd.tasks.weighted import units, weighted_metric
from ray_mtlkd.training.evaluation.evaluate import metrics_of, predict_all
from ray_mtlkd.training.evaluation.predicted import kept_bytes, predicted_rows


@pytest.fixture(params=["tables", "shared_tables"])
def case(request):
    tables = request.getfixturevalue(request.param)
    parts = [(table.task, table.layout) for table in tables.tasks]
    return tables, build(Architecture(encoder=Mlp(hidden=(8,))), parts)


def _kept(case):
    tables, model = case
    return {(part.task, part.split): part for part in predicted_rows(model, tables, whole=tables)}


def test_every_row_has_its_label_its_place_and_what_is_predicted(case):
    tables, model = case
    for (task, split), part in _kept(case).items():
        at = [table.task.name for table in tables.tasks].index(task)
        table = tables.tasks[at]
        examples = getattr(table, split)
        outputs = predict_all(model, at, examples).numpy()
        np.testing.assert_array_equal(part.rows, examples.row_ids)
        np.testing.assert_array_equal(part.labels, examples.labels)
        if part.likeliest is not None:
            np.testing.assert_array_equal(part.likeliest[:, 0], kind_of(table.task).predict(table.task, outputs))
            assert (np.diff(part.probabilities.astype(float), axis=1) <= 0).all()
            sure = kind_of(table.task).confidence(outputs, part.likeliest[:, 0])
            np.testing.assert_allclose(part.probabilities[:, 0], sure, rtol=1e-3)


def test_raw_outputs_are_kept_to_the_bit_so_that_the_metric_comes_out_again(case):
    tables, model = case
    kept = _kept(case)
    known = metrics_of(model, tables, "test", range(len(tables.tasks)))
    for table, value in zip(tables.tasks, known, strict=True):
        part = kept[table.task.name, "test"]
        if part.outputs is not None:
            assert evaluate(table.task, part.outputs, table.test.labels.numpy(), part.offsets) == value


def test_what_is_kept_gives_the_metric_without_pytorch(case):
    tables, model = case
    kept = _kept(case)
    for split in ("valid", "test"):
        known = metrics_of(model, tables, split, range(len(tables.tasks)))
        for table, value in zip(tables.tasks, known, strict=True):
            part = kept[table.task.name, split]
            (found,) = weighted_metric(part)(np.ones((units(part), 1), np.float32))
            assert found == pytest.approx(value, rel=1e-6)


def test_tasks_of_one_table_are_told_from_tasks_of_their_own(case):
    tables, _ = case
    found = {part.table for part in _kept(case).values()}
    assert len(found) == (1 if tables.shares_rows else len(tables.tasks))


def test_how_much_room_it_takes_is_known_beforehand(case):
    tables, _ = case
    kept = _kept(case)
    for table in tables.tasks:
        assert kept_bytes(table) == sum(kept[table.task.name, split].nbytes for split in ("valid", "test"))
