"""Which rows a task could distil from, and of which its teacher is sure."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ray_mtlkd.data.examples import Examples, SetupTables, TaskTables, as_tensors
from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Dense
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.evaluation.evaluate import predict_all
from ray_mtlkd.training.settings import Distillation
from ray_mtlkd.training.state.soft_labels import SoftTable
from ray_mtlkd.training.step.trainer import Trainer
from ray_mtlkd.training.transfer import settled, transfer_set

CONFIDENT = Distillation(rows="confident", confidence=0.75)


def _counts(found):
    return {table.table: table.rows for table in found.tables}


@pytest.mark.parametrize("which", ["readable", "shared_tables", "shared_words"])
def test_own_rows_alone_are_the_train_table_as_it_is(request, which):
    setup = request.getfixturevalue(which)
    for task, table in enumerate(setup.tasks):
        found = transfer_set(setup, task, "own")
        assert found.examples is table.train
        assert _counts(found) == {f"{table.task.name}/train": len(table.train)}


@pytest.mark.parametrize("which", ["readable", "shared_tables", "shared_words"])
def test_a_task_s_own_rows_come_first_and_each_row_that_it_can_read_once(request, which):
    setup = request.getfixturevalue(which)
    for task, table in enumerate(setup.tasks):
        found = transfer_set(setup, task, "all")
        rows, own = found.examples.row_ids, table.train.row_ids
        assert torch.equal(rows[: len(own)], own)
        alike = [other.train.row_ids for other in setup.tasks if other.train.inputs is table.train.inputs]
        assert torch.equal(rows.sort().values, torch.cat(alike).unique())
        assert sum(_counts(found).values()) == len(rows)


def test_tasks_with_inputs_of_another_form_are_named(readable):
    assert _counts(transfer_set(readable, 1, "all")) == {
        "which/train": 100,
        "yes/train": 60,
        "any/train": 140,
        "much/train": 180,
    }
    assert transfer_set(readable, 1, "all").left_out == ("where",)
    assert transfer_set(readable, 4, "all").left_out == ("yes", "which", "any", "much")


def test_a_teacher_says_as_much_of_rows_as_they_have_tokens(job, shared_words):
    model = Trainer(job("sum", of=shared_words, encoder=Cnn())).model
    found = transfer_set(shared_words, 0, "all").examples
    assert len(predict_all(model, 0, found)) == int(found.offsets[-1]) > len(shared_words.tasks[0].train.labels)
    labels = len(shared_words.tasks[0].train.labels)
    assert torch.equal(predict_all(model, 0, found)[:labels], predict_all(model, 0, shared_words.tasks[0].train))


def test_a_task_s_own_rows_without_labels_are_taken_without_those_of_others(readable):
    own, rows = readable.tasks[0], torch.tensor([3, 5])
    without = replace(readable, tasks=(replace(own, unlabelled=rows), *readable.tasks[1:]))
    found = transfer_set(without, 0, "unlabelled")
    assert _counts(found) == {"yes/train": len(own.train), "yes/unlabelled": 2}
    assert found.examples.row_ids.tolist() == [*own.train.row_ids.tolist(), 3, 5]
    assert found.among == ("yes",)
    assert _counts(transfer_set(without, 1, "unlabelled")) == {"which/train": len(readable.tasks[1].train)}


@pytest.fixture
def ranked():
    """Two rankings of candidates in one table, of which they share some queries, and a task that tells its rows."""
    inputs = Dense(np.arange(12, dtype=np.float32)[:, None], np.zeros((12, 0), np.int64))

    def table(name, rows, groups, kind="ranking"):
        labels = np.zeros(len(rows), np.float32)
        made = Examples(inputs, labels, np.array(rows), groups=None if groups is None else np.array(groups))
        metric = "ndcg" if kind == "ranking" else "f1"
        return TaskTables(Task(name=name, kind=kind, metric=metric), Layout(form="Dense"), made, made, made, 0.0, 0.0)

    tasks = (
        table("find", [0, 1, 2, 3, 4], [0, 2, 5]),
        table("seek", [4, 3, 5, 6, 7, 8], [0, 3, 6]),
        table("tell", [9, 10, 11], None, kind="binary"),
    )
    return as_tensors(SetupTables("ranked", tasks, "fingerprint"))


def test_queries_are_taken_whole_where_no_candidate_is_known_and_by_rankings_alone(ranked):
    find, tell = transfer_set(ranked, 0, "all"), transfer_set(ranked, 2, "all")
    assert find.examples.row_ids.tolist() == [0, 1, 2, 3, 4, 6, 7, 8]
    assert find.examples.groups.tolist() == [0, 2, 5, 8]
    assert find.left_out == ("tell",)
    assert _counts(tell) == {"tell/train": 3, "find/train": 5, "seek/train": 4}
    assert tell.examples.groups is None


LOGIT = float(np.log(3))
"""Of a probability of 0.75."""


@pytest.mark.parametrize(
    ("task", "values", "expected"),
    [
        (0, [LOGIT + 0.01, LOGIT - 0.01, -LOGIT - 0.01, -LOGIT + 0.01], [True, False, True, False]),
        (1, [[4, 0, 0], [1, 0, 0], [0, 0, 9], [0, 0, 0]], [True, False, True, False]),
        (2, [[1, 9], [0, 0], [-9, 9], [LOGIT, 0]], [True, False, True, False]),
        (3, [0, 1, 2, 3], [True] * 4),
    ],
    ids=["binary", "multiclass", "multilabel", "regression"],
)
def test_a_teacher_is_sure_of_a_row_by_the_mean_probability_of_what_it_answers(readable, task, values, expected):
    whole = transfer_set(readable, task, "confident")
    own, every = len(readable.tasks[task].train), len(whole.examples)
    said = torch.tensor(values, dtype=torch.float32)
    soft = torch.cat([torch.zeros(own, *said.shape[1:]), said.repeat(every, *[1] * (said.ndim - 1))[: every - own]])
    found = settled(whole, readable.tasks[task].task, _soft(soft), CONFIDENT)
    kept = torch.ones(every, dtype=torch.bool)
    kept[own:] = torch.tensor(expected).repeat(every)[: every - own]
    drawn = torch.arange(every) if found.drawn is None else found.drawn
    assert torch.equal(drawn, kept.nonzero().squeeze(1))
    assert [table.drawn for table in found.tables] == [
        int(part.sum()) for part in kept.split([table.rows for table in whole.tables])
    ]
    everything = settled(whole, readable.tasks[task].task, _soft(soft), replace(CONFIDENT, rows="all"))
    assert everything is whole


def test_a_teacher_is_sure_of_a_sentence_by_its_mean_token(shared_words):
    task = shared_words.tasks[0].task
    whole = transfer_set(shared_words, 0, "confident")
    offsets, own = whole.examples.offsets, len(shared_words.tasks[0].train)
    logits = torch.randn(int(offsets[-1]), 2, generator=torch.Generator().manual_seed(0))
    found = settled(whole, task, _soft(logits), CONFIDENT)
    likeliest = logits.softmax(1).max(1).values
    means = torch.stack([part.mean() for part in likeliest.split(offsets.diff().tolist())])
    expected = (means >= CONFIDENT.confidence) | (torch.arange(len(means)) < own)
    assert torch.equal(found.drawn, expected.nonzero().squeeze(1))
    assert own < len(found.drawn) < len(means)


def _soft(values):
    return SoftTable(values=values, classes=None, outputs=1 if values.ndim == 1 else values.shape[1])


@pytest.mark.parametrize("rows", ["unlabelled", "all", "confident"])
def test_labels_weigh_nothing_where_rows_have_none(rows):
    with pytest.raises(ValueError, match="label_weight"):
        Distillation(rows=rows, label_weight=0.5)
