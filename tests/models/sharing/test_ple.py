import pytest
import torch

from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.models.sharing.ple import LayeredExtraction
from ray_mtlkd.testing.examples import Example
from tests.models.conftest import NUMBERS


def test_with_one_level_a_task_s_own_experts_get_no_gradient_from_others(made, reached):
    model = made(LayeredExtraction(levels=1, own=2))
    names = reached(model, 0)
    assert {name.split(".")[1] for name in names if name.startswith("own_encoders")} == {"0"}
    assert {id(p) for p in model.own_encoders[1].parameters()} <= {id(p) for p in model.own(1)}


@pytest.mark.parametrize("levels", [2, 3])
def test_own_experts_of_the_last_level_get_none_and_those_below_do_by_the_shared_gate(made, reached, levels):
    names = reached(made(LayeredExtraction(levels=levels)), 0)
    assert not [name for name in names if name.startswith(f"experts.1_level_{levels}")]
    assert [name for name in names if name.startswith("own_encoders.1")]


def test_two_levels_are_two_mixtures_one_upon_the_other(made):
    model, inputs = made(LayeredExtraction(levels=2)).eval(), NUMBERS.inputs()
    shared, first, second = (
        encoder(inputs, [0])[0] for encoder in (model.encoders[0], model.own_encoders[0][0], model.own_encoders[1][0])
    )
    gates, experts = model.gates, model.experts
    mixed_shared = gates["of_4_level_1"]([shared, first, second])
    mixed_own = gates["0_level_1"]([shared, first])
    said = [experts["of_4_level_2"][0](mixed_shared), experts["0_level_2"][0](mixed_own)]
    torch.testing.assert_close(model(0, inputs), model.heads[0](gates["0_level_2"](said)))


def test_tasks_of_other_widths_have_shared_experts_of_their_own_above_the_first_level(made):
    examples = [Example("multiclass", "Tokens"), Example("tagging", "Tokens"), Example("binary", "Tokens")]
    model = made(LayeredExtraction(), examples, encoder=Cnn(embedding=4, channels=3, widths=(1,), wide=2))
    assert model.tracks == ["of_8", "of_3", "of_8"]
    assert model.reads["of_8"] == ("of_8", "0", "2")
