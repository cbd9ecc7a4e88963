import pyarrow.compute as pc
import pytest

from ray_mtlkd.grouping.findings import OBSERVED, Findings, findings
from ray_mtlkd.grouping.splits import best_splits
from ray_mtlkd.grouping.trainings import pairs_and_rests, strategies
from ray_mtlkd.report.load import Records
from tests.grouping.conftest import CLUSTERS, TASKS

TRAININGS = pairs_and_rests(TASKS)


def test_planted_clusters_are_found_by_training_pairs_and_all_but_one(trained, refused):
    records = trained(strategies(TRAININGS))
    found = findings(records, trainings=TRAININGS, by="trials", models=2)
    assert found.groups == CLUSTERS
    assert [len(split.groups) for split in found.splits] == [1, 2]
    together, split = (split.worth for split in found.splits)
    assert split > together + 20  # points: one unit serves one cluster well, or both badly
    lacking = Records(table=records.table.filter(pc.not_equal(records.table["strategy"], "pairs-2")))
    with refused():
        findings(lacking, trainings=TRAININGS, by="trials", models=2)


def test_planted_clusters_are_found_by_the_affinity_of_gradients_in_one_training(trained):
    found = findings(trained([OBSERVED]), trainings=TRAININGS, by="affinity", models=3)
    assert found.groups == CLUSTERS
    assert found.label == "split"


IN_NAMES = {
    "low_level": {"sharing": {"name": "low_level", "layers": {"a": 1, "c": 1}}},
    "serial": {"sharing": {"name": "serial", "order": ["d", "a", "b"]}},
    "graph": {"regularizers": [{"name": "graph", "edges": [["a", "d"], ["b", "c"], ["c", "d"]]}]},
}


@pytest.mark.parametrize("sections", IN_NAMES.values(), ids=IN_NAMES)
def test_pairs_of_tasks_train_where_an_architecture_names_others(trained, sections):
    table = trained(strategies(TRAININGS), encoder={"name": "mlp", "hidden": [2, 1]}, **sections).table
    assert set(table["strategy"].to_pylist()) == set(TRAININGS)
    assert set(table["status"].to_pylist()) == {"ok"}


@pytest.mark.parametrize(("models", "label"), [(1, "sum"), (4, "single_task")])
def test_one_model_and_a_model_a_task_have_names_already(models, label):
    *_, proposed = best_splits(len, tasks=len(TASKS), models=models)
    assert Findings(tasks=TASKS, splits=(proposed,), proposed=proposed).label == label
