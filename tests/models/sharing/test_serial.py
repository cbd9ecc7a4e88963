import pytest
import torch

from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.models.sharing import sparse_tables
from ray_mtlkd.models.sharing.serial import Serial
from ray_mtlkd.testing.examples import Example
from tests.models.conftest import NUMBERS, SMALL

ONE, TWO, THREE = (Example(kind, "Dense") for kind in ("multiclass", "binary", "regression"))
NAMES = [each.task.name for each in (ONE, TWO, THREE)]


def test_each_task_reads_the_layer_and_the_predictions_before_it(made):
    model, inputs = made(Serial(), (ONE, TWO, THREE)), NUMBERS.inputs()
    read = model.encoder(inputs, [0])[0]
    first = model.layers[0](read)
    said = [model.heads[0](first).softmax(1) @ model.embeddings["0"].linear.weight.T]
    second = model.layers[1](torch.cat([read, first, *said], dim=1))
    said.append(model.heads[1](second).sigmoid().unsqueeze(1) @ model.embeddings["1"].linear.weight.T)
    third = model.layers[2](torch.cat([read, second, *said], dim=1))
    torch.testing.assert_close(model(2, inputs), model.heads[2](third))


def test_gradients_go_back_through_the_series_and_not_ahead(made, reached):
    model = made(Serial(), (ONE, TWO, THREE))
    assert {"heads.0.linear.weight", "heads.1.linear.weight", "layers.0.linear.weight"} <= reached(model, 2)
    assert not [name for name in reached(model, 0) if name.startswith(("heads.1", "heads.2", "layers.1"))]


def test_the_order_matters(made):
    order = tuple(reversed(NAMES))
    model, turned = made(Serial(), (ONE, TWO, THREE)), made(Serial(order=order), (ONE, TWO, THREE))
    assert (model.before, turned.before) == ([[], [0], [0, 1]], [[2, 1], [2], []])
    assert len(turned.own(2)) < len(model.own(2))  # whom others read has less of its own
    assert made(Serial(order=(NAMES[1],)), (ONE, TWO, THREE)).before == [[1], [], [1, 0]]


def test_taggers_are_a_series_and_texts_another_and_pairs_are_alone(made):
    examples = [
        Example("tagging", "Tokens"),
        Example("binary", "Tokens"),
        Example("binary", "Tokens", is_pair=True),
        Example("tagging", "Tokens"),
        Example("regression", "Tokens"),
    ]
    model = made(Serial(), examples, encoder=Cnn(embedding=4, channels=3, widths=(1,), wide=2))
    assert model.before == [[], [], [], [0], [1]]


@pytest.mark.parametrize("encoder", [SMALL, BagOfNgrams(hidden=(4,))], ids=["mlp", "bag"])
def test_what_earlier_tasks_use_is_held_where_the_last_evaluation_left_it(made, encoder):
    form = "Dense" if encoder is SMALL else "Bag"
    model = made(Serial(successive=0.5), [Example("multiclass", form), Example("binary", form)], encoder=encoder)
    assert model.penalty() is None
    model.remember()
    assert model.penalty() == 0
    tables = {id(table) for table in sparse_tables(model).values()}
    held = {id(p) for p in model.used(0)} - tables
    with torch.no_grad():
        for p in model.parameters():
            p.add_(2.0)
    count = sum(p.numel() for p in model.parameters() if id(p) in held)
    torch.testing.assert_close(model.penalty(), torch.tensor(0.5 * 4.0 * count))
    grads = torch.autograd.grad(model.penalty(), list(model.parameters()), allow_unused=True)
    assert {id(p) for p, grad in zip(model.parameters(), grads, strict=True) if grad is not None} == held
    model.remember()
    assert model.penalty() == 0


def test_nothing_is_held_at_strength_0_nor_where_no_task_follows_another(made):
    for model in (made(Serial(), (ONE, TWO)), made(Serial(successive=1.0), (ONE,))):
        model.remember()
        assert model.penalty() is None


def test_a_model_of_some_tasks_has_them_in_the_same_order(made):
    assert made(Serial(order=(NAMES[2], "other", NAMES[0])), (ONE, THREE)).before == [[1], []]
