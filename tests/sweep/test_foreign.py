"""Teachers that a search space names."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.errors import gather
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.space import decode_space, parse_space
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.run import train
from tests.keeping import keep_diverse


def _prepare(value):
    return prepare(decode_space(value, where="space.yaml"), data_dir=None, say=lambda _: None)


@pytest.fixture
def space(space_value):
    def make(**changes):
        return space_value(setups=["diverse"], classical=False, search={"configurations": 1}, **changes)

    return make


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    return keep_diverse(tmp_path_factory.mktemp("kept") / "diverse")


def test_setups_and_tasks_that_are_not_there_are_refused(space, worded):
    problems = []
    with gather(problems):
        _prepare(space(teachers={"diverse": {"nobody": "x"}, "similar": {"a": "x"}}))
    for problem in problems:
        worded(problem)
    assert len(problems) == 2


def test_a_folder_lies_beside_the_search_space_or_anywhere(tmp_path, space_text):
    (tmp_path / "soft").mkdir()
    text = space_text + "teachers: {similar: {a: soft, b: far/away}}"
    found = parse_space(text, tmp_path / "space.yaml").teachers
    assert found == {"similar": {"a": str(tmp_path / "soft"), "b": "far/away"}}


def test_strategies_that_distil_begin_with_what_a_teacher_says_and_others_do_not_hear_of_it(space, teacher, tmp_path):
    prepared = _prepare(space(strategies=["sum", "joint_kd"], teachers={"diverse": {"segment": teacher.uri}}))
    told = {}
    for trial in prepared.plan.distinct():
        tables = as_tensors(prepared.of(trial))
        training = replace(trial.configuration.training, steps=4, eval_every=2)
        outcome = train(
            Job(tables=tables, configuration=replace(trial.configuration, training=training), seed=1),
            relabel=None,
            report=lambda _: None,
            storage=Storage.at(str(tmp_path / trial.name)),
            checkpoint_every_s=60.0,
        )
        names = [table.task.name for table in tables.tasks]
        told[trial.strategy] = dict(zip(names, outcome.tasks, strict=True))
    assert {task.curve[0].phase for task in told["sum"].values()} == {"labels"}
    phases = {name: task.curve[0].phase for name, task in told["joint_kd"].items()}
    assert phases == {**dict.fromkeys(phases, "labels"), "segment": "distilling"}
    taught = told["joint_kd"]["segment"]
    assert (taught.relabelled_where, taught.relabelled_why) == ("given", teacher.uri)
    (table,) = [table for table in tables.tasks if table.task.name == "segment"]
    assert taught.teacher == table.given.value
    assert taught.teacher_step is None


def test_other_soft_labels_are_another_sweep_wherever_they_lie(space, tmp_path):
    (tables,) = _prepare(space()).tables.values()
    churn = next(table for table in tables.tasks if table.task.name == "churn")
    rows = len(churn.train)  # all of them have a label
    found = []
    for at, value in enumerate((0.0, 0.0, 1.0)):
        (tmp_path / str(at)).mkdir()
        pq.write_table(pa.table({"logits": np.full(rows, value)}), tmp_path / str(at) / "soft.parquet")
        prepared = _prepare(space(teachers={"diverse": {"churn": str(tmp_path / str(at))}}))
        found.append((prepared.content, {each.fingerprint for each in prepared.tables.values()}))
    assert found[0] == found[1]
    assert found[0][0] != found[2][0]
    assert found[0][1] != found[2][1]
