"""Cut into layers, a pretrained encoder computes what `transformers` computes with the whole."""

import pytest
import torch
from torch import nn

from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Pieces, take
from ray_mtlkd.data.pretrained import PretrainedWeights
from ray_mtlkd.models.encoders.hf import padding
from ray_mtlkd.models.encoders.hf.encoder import Lora, PretrainedEncoder
from ray_mtlkd.models.encoders.pretrained import copied, fill, fill_held, held
from ray_mtlkd.setups.pretrained import read_folder
from tests.pretrained import CONFIGS, LAYERS, PIECES, WIDTH, save

TRAINED = ("all", "top-1", "none", Lora(lora=2))
LENGTHS = (5, 1, 9, 0, 3)
_TOLERANCE = 2e-5
"""Sums of float32 over other paddings."""


@pytest.fixture(scope="module", params=CONFIGS)
def case(request, tmp_path_factory):
    """A family's model by `transformers`, and what its folder holds."""
    folder = tmp_path_factory.mktemp(request.param)
    model = save(folder, request.param)
    return model, read_folder(str(folder), max_length=20)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """What a folder of the first family holds."""
    folder = tmp_path_factory.mktemp("bert")
    save(folder)
    return read_folder(str(folder), max_length=20)


def tensors(weights):
    return PretrainedWeights(weights.names, tuple(map(torch.from_numpy, weights.arrays)), weights.source)


def encoder(found, train, **settings):
    torch.manual_seed(0)
    made = PretrainedEncoder(path=found.weights.source, train=train, **settings)
    built = made.build([Layout(form="Pieces", backbone=found.config)], ["multiclass"])
    fill(built, tensors(found.weights))
    return built


def inputs(seed=0):
    offsets = torch.tensor([0, *LENGTHS]).cumsum(0)
    draw = torch.Generator().manual_seed(seed)
    return Pieces(torch.randint(4, PIECES, (int(offsets[-1]),), dtype=torch.int32, generator=draw), offsets)


def states(built, given):
    found = None
    for layer in built.sequence:
        found = layer(found, given, 0)
    return found


@pytest.mark.parametrize("train", TRAINED, ids=str)
def test_states_are_those_of_the_whole(case, train):
    model, found = case
    built, given = encoder(found, train).eval(), inputs()
    expected = [
        model(input_ids=ids.long()[None]).last_hidden_state[0] for ids in given.ids.split(list(LENGTHS)) if len(ids)
    ]
    torch.testing.assert_close(states(built, given), torch.cat(expected), atol=_TOLERANCE, rtol=0)


def test_rows_that_go_through_in_several_parts_have_the_same_states(case, monkeypatch):
    built, given = encoder(case[1], "none").eval(), inputs()
    together = states(built, given)
    monkeypatch.setattr(padding, "_CPU_PIECES", 6)
    torch.testing.assert_close(states(built, given), together, atol=_TOLERANCE, rtol=0)


@pytest.mark.parametrize("train", TRAINED, ids=str)
def test_what_stays_is_no_parameter_and_in_no_state_dict_and_the_rest_learns(case, train):
    built, names = encoder(case[1], train), set(case[1].weights.names)
    trained, stays = dict(built.named_parameters()), held(built)
    assert set(built.state_dict()) == {name for name, _ in built.named_parameters(remove_duplicate=False)}
    assert not any(tensor.requires_grad for tensor in stays.values())
    (found,) = built.train()(inputs(), [0])
    assert found.requires_grad == bool(trained)
    if trained:
        found.square().sum().backward()
        assert all(p.grad is not None for p in trained.values())
    assert {"all": not stays, "none": not trained, "top-1": set(stays) < names}.get(str(train), set(stays) == names)


def test_weights_that_stay_are_shared_with_copies_and_with_the_arrays_that_they_come_from(bert):
    built = encoder(bert, "top-1")
    source = dict(zip(bert.weights.names, bert.weights.arrays, strict=True))
    again = held(copied(built))
    for name, tensor in held(built).items():
        assert tensor.data_ptr() == source[name].ctypes.data == again[name].data_ptr()
    pairs = zip(built.parameters(), copied(built).parameters(), strict=True)
    assert all(one.data_ptr() != other.data_ptr() for one, other in pairs)


def test_layers_that_do_not_learn_drop_nothing(bert):
    built, given = encoder(bert, "none", dropout=0.5).train(), inputs()
    assert torch.equal(states(built, given), states(built.eval(), given))
    other = encoder(bert, "top-1", dropout=0.5).train()
    assert not torch.equal(states(other, given), states(other, given))


def test_a_layer_further_down_learns_more_slowly(bert):
    rates = [layer.rate for layer in encoder(bert, "all", encoder_lr=0.1, layer_decay=0.5).sequence]
    assert rates == [0.1 * 0.5**below for below in range(LAYERS, -1, -1)]


def test_what_stays_comes_back_from_another_model(bert):
    other = encoder(bert, "none").eval()
    made = PretrainedEncoder(path="gone", train="none")
    built = made.build([Layout(form="Pieces", backbone=bert.config)], ["multiclass"]).eval()
    fill_held(built, held(other))
    assert torch.equal(states(built, inputs()), states(other, inputs()))


def test_low_rank_matrices_begin_with_the_encoder_as_it_is_and_change_it(bert):
    built = encoder(bert, Lora(lora=2)).eval()
    before = states(built, inputs())
    for name, p in built.named_parameters():
        assert name.endswith(("update.a", "update.b"))
        nn.init.constant_(p, 0.1)
    assert not torch.allclose(states(built, inputs()), before, atol=1e-3)


def test_a_text_is_the_mean_of_its_states_or_the_first_one(bert):
    given = inputs()
    for pooling in ("mean", "cls"):
        built = encoder(bert, "none", pooling=pooling).eval()
        rows = states(built, given).split(list(LENGTHS))
        expected = [row.mean(0) if pooling == "mean" else row[0] for row in (row for row in rows if len(row))]
        (found,) = built(given, [0])
        assert found.shape == (len(LENGTHS), WIDTH)
        torch.testing.assert_close(found[[0, 1, 2, 4]], torch.stack(expected), atol=1e-6, rtol=1e-5)
        assert torch.equal(found[3], torch.zeros(WIDTH))
        torch.testing.assert_close(
            built(take(given, torch.tensor([2, 0])), [0])[0], found[[2, 0]], atol=1e-5, rtol=1e-5
        )
