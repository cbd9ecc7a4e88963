import numpy as np
import pytest

from ray_mtlkd.data.examples import Examples, SetupTables, TaskTables
from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Mixed
from ray_mtlkd.sweep.foresight import shared_encoders
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.space import decode_space
from ray_mtlkd.tasks.task import Task

ENOUGH = {"steps": 8000, "batch_size": 160, "eval_every": 100}
"""Of `similar`, whose largest table has 20,000 rows: 64 epochs."""


@pytest.fixture
def warnings(space_value):
    """What is warned of, without what the tables themselves call for."""

    def found(
        *, patience=5, epochs=0, strategies=("sum",), search=1, resources=None, kd=None, regularizers=(), **training
    ):
        value = space_value(
            regularizers=list(regularizers),
            resources=resources or {},
            kd=kd or {},
            training={**ENOUGH, **training},
            convergence={"patience": patience, "patience_epochs": epochs, "min_epochs": 0},
            strategies=list(strategies),
            search={"configurations": search},
        )
        return [said.removeprefix("similar: ") for said in prepare(decode_space(value, where="x")).warnings]

    return found


def test_a_budget_that_does_what_it_should_warns_of_nothing(warnings):
    assert warnings(strategies=["sum", "sequential_kd", "sequential", "single_task"]) == []


def test_fewer_than_ten_epochs_of_the_largest_table_are_told(warnings, worded):
    (said,) = warnings(steps=1000)
    assert said.startswith("training.steps: ")
    worded(said)
    assert warnings(steps=1250) == []


def test_a_patience_below_one_epoch_of_a_table_is_told(warnings, worded):
    (said,) = warnings(eval_every=20)
    assert said.startswith("convergence.patience_epochs: ")
    worded(said)
    assert warnings(eval_every=25) == []
    assert warnings(eval_every=20, epochs=1) == []


def test_tasks_that_the_budget_ends_before_they_could_converge_are_told(warnings, worded):
    # 16 epochs of the largest table, of which 100 steps and 15.5 epochs must pass
    (said,) = warnings(strategies=["sum", "joint_kd"], steps=2000, epochs=15.5)
    assert said.startswith("convergence: huge_clean ")
    worded(said)
    assert warnings(strategies=["joint_kd"], steps=2100, epochs=15.5) == []
    assert warnings(strategies=["sum"], steps=2000, epochs=15.5) == []


@pytest.mark.parametrize(
    ("strategy", "changes"), [("sum", {"schedule": "cosine"}), ("joint_kd", {"kd": {"label_weight": "anneal"}})]
)
def test_what_lasts_as_long_as_the_budget_is_told_where_runs_may_end_before(warnings, worded, strategy, changes):
    (said,) = warnings(strategies=[strategy], finish="converged", **changes)
    worded(said)
    assert warnings(strategies=[strategy], **changes) == []


def test_a_curriculum_whose_last_task_hardly_trains_is_told_by_its_strategy(warnings):
    strategies = ["sum", "sequential", "joint_kd", "single_task"]
    # 1 + 2 + 3 + 4 tasks train for 6 x 100 steps each, of 5 x 2400 task batches
    (said,) = warnings(steps=2400, strategies=strategies)
    assert "under sequential the last task starts when 50% of the budget" in said
    assert warnings(steps=2500, strategies=strategies) == []
    # 8 epochs of each table before the next one: 100 steps and 8 x 20 000 / 160 of the largest one alone
    assert warnings(steps=2500, strategies=strategies, epochs=8) != []


def test_each_thing_is_told_once_however_many_configurations_there_are(warnings):
    assert len(warnings(steps=1000, strategies=["sum", "pcgrad"], search=3)) == 1


def test_gradients_that_do_not_fit_are_told_where_they_are_compared(warnings, worded):
    few = {"gradient_gb": 1e-5}
    (said,) = warnings(strategies=["sum", "pcgrad"], resources=few)
    assert said.startswith("resources.gradient_gb: ")
    worded(said)
    assert warnings(strategies=["sum", "uncertainty"], resources=few) == []
    assert warnings(strategies=["sum"], resources=few, accumulation=2)


def tables(**sorts):
    """A setup of tasks that read inputs of these sorts."""
    nothing = Examples(Mixed(), np.zeros(0), np.zeros(0, np.int64))
    return SetupTables(
        "shop",
        tuple(
            TaskTables(
                Task(name=name, kind="regression", metric="r2"),
                Layout(form="Mixed", parts=tuple((part, Layout(form="Dense")) for part in parts)),
                *(nothing, nothing, nothing),
                trivial_valid=0.0,
                trivial_test=0.0,
            )
            for name, parts in sorts.items()
        ),
        "fingerprint",
    )


def test_a_regularizer_between_tasks_whose_heads_are_not_alike_is_told_to_do_nothing(warnings, worded):
    (said,) = warnings(strategies=["sum", "joint_kd"], regularizers=["mean_constraint", "l1"])
    worded(said)


def test_who_shares_what_is_told_where_tasks_read_inputs_of_different_sorts():
    differ = tables(reviews=["text", "columns"], topics=["text"], price=["columns"], shape=["vector"])
    (told,) = shared_encoders([differ, differ])
    assert told == (
        "shop: the text encoder is shared by reviews, topics; the columns encoder is shared by reviews, price; "
        "what joins text and columns is used by reviews alone; the vector encoder is used by shape alone"
    )
    (said,) = shared_encoders([tables(a=["text", "columns"], b=["text", "columns"], c=["text"])])
    assert "what joins text and columns is shared by a, b" in said
    assert list(shared_encoders([tables(a=["text", "columns"], b=["text", "columns"])])) == []
