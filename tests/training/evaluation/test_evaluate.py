from dataclasses import replace

import pytest
import torch

from ray_mtlkd.data.examples import Examples
from ray_mtlkd.data.inputs import DenseTokens, take
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.training.evaluation import evaluate
from ray_mtlkd.training.evaluation.evaluate import predict, predict_all, score

ENCODERS = {"tables": Mlp(hidden=(8,)), "shared_tables": Mlp(hidden=(8,)), "shared_words": Cnn(embedding=4, channels=4)}


@pytest.fixture(params=ENCODERS)
def case(request):
    """A model and its tables: all rows labelled, or some of them."""
    tables = request.getfixturevalue(request.param)
    torch.manual_seed(0)
    model = build(Architecture(encoder=ENCODERS[request.param]), [(table.task, table.layout) for table in tables.tasks])
    return model.eval(), tables.tasks


def test_predictions_are_those_of_every_row_looked_up(case):
    model, tables = case
    for task, table in enumerate(tables):
        with torch.no_grad():
            expected = model(task, take(table.valid.inputs, table.valid.row_ids))
        assert torch.equal(predict_all(model, task, table.valid), expected)


def test_a_range_that_ends_where_a_batch_ends_has_the_predictions_of_the_whole_table(case, monkeypatch):
    monkeypatch.setattr(evaluate, "BATCH_ROWS", 8)
    model, tables = case
    for task, table in enumerate(tables):
        examples, end = table.train, len(table.train)
        parts = [predict(model, task, examples, rows) for rows in (range(8), range(8, end))]
        assert torch.equal(torch.cat(parts), predict_all(model, task, examples))


class Echo(torch.nn.Module):
    """Predicts of every token what it is."""

    def forward(self, task, inputs):
        return inputs.values + task


@pytest.mark.parametrize("lengths", [[1, 1, 9, 9, 9], [9, 1, 1, 1, 1], [2, 2, 2, 2, 2], [3]])
def test_every_token_has_its_prediction_whatever_the_lengths_of_rows(lengths, monkeypatch):
    monkeypatch.setattr(evaluate, "BATCH_ROWS", 2)
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    tokens = torch.arange(2.0 * int(offsets[-1])).view(-1, 2)
    examples = Examples(DenseTokens(tokens, offsets), torch.zeros(len(tokens)), torch.arange(len(lengths)), offsets)
    assert torch.equal(predict_all(Echo(), 5, examples), tokens + 5)


def test_a_score_is_the_mean_skill_by_the_tasks_weights(tables):
    def weighed(*weights):
        return [
            replace(
                table, trivial_valid=0.5, task=replace(table.task, kind="multiclass", metric="accuracy", weight=weight)
            )
            for table, weight in zip(tables.tasks, weights, strict=False)
        ]

    values = [0.75, 1.0]  # skills 0.5 and 1
    assert score(values, weighed(1.0, 1.0)) == pytest.approx(0.75)
    assert score(values, weighed(3.0, 1.0)) == pytest.approx(0.625)
    assert score(values, weighed(1.0, 0.0)) == pytest.approx(0.5)
    assert score(values[:1], weighed(0.0)) == pytest.approx(0.5)
