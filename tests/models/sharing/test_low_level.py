import torch

from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.models.sharing import HardSharing
from ray_mtlkd.models.sharing.low_level import LowLevel
from ray_mtlkd.testing.examples import Example
from tests.models.conftest import NUMBERS

LOW, HIGH = Example("binary", "Dense"), NUMBERS
NAMED = {LOW.task.name: 1}


def test_a_task_leaves_the_layers_above_its_own_untouched(made, reached):
    model = made(LowLevel(layers=NAMED), (LOW, HIGH))
    assert not [name for name in reached(model, 0, LOW) if name.startswith("encoder.layers.1")]
    assert model.encoder.layers[1].layer.linear.weight.grad is None
    assert [name for name in reached(model, 1, HIGH) if name.startswith("encoder.layers.0")]


def test_a_low_task_s_head_reads_its_layer(made):
    model, inputs = made(LowLevel(layers=NAMED), (LOW, HIGH)), LOW.inputs()
    torch.testing.assert_close(model(0, inputs), model.heads[0](model.encoder.layers[0](None, inputs, 0)))


def test_a_tagger_below_reads_words_that_a_text_above_convolves(made):
    tagger, text = Example("tagging", "Tokens"), Example("multiclass", "Tokens")
    encoder = Cnn(embedding=4, channels=3, widths=(1,), wide=2)
    model = made(LowLevel(layers={tagger.task.name: 1}), (tagger, text), encoder=encoder)
    assert [head.linear.in_features for head in model.heads] == [4, 2 * 3 + 2]


def test_where_no_task_is_named_it_is_hard_sharing(made):
    model, hard = made(LowLevel()), made(HardSharing())
    assert all(torch.equal(model(task, NUMBERS.inputs()), hard(task, NUMBERS.inputs())) for task in range(2))


def test_a_layer_that_is_not_there_is_refused(made, refused):
    with refused() as caught:
        made(LowLevel(layers={LOW.task.name: 3}), (LOW, HIGH))
    assert caught.value.where == f"sharing.layers.{LOW.task.name}"


def test_a_model_of_some_tasks_lets_the_others_layers_be(made):
    assert made(LowLevel(layers={**NAMED, "other": 1}), (LOW, HIGH)).depths == [1, 2]


def test_it_is_hashed_by_what_it_says():
    assert hash(LowLevel(layers={"a": 1})) == hash(LowLevel(layers={"a": 1}))
    assert LowLevel(layers={"a": 1}) != LowLevel(layers={"a": 2})
