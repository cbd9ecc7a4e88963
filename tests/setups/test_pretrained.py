"""An encoder's folder is read as it lies, and says what is wrong with it before anything is built of it."""

import json

import pytest
import safetensors.torch
import torch

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.pretrained import read_folder

CONFIG = {"model_type": "bert", "vocab_size": 4, "max_position_embeddings": 8, "auto_map": {"AutoModel": "evil.py"}}
TOKENIZER = {"model": {"vocab": {"a": 0, "b": 1}}, "added_tokens": [{"id": 3}]}
WEIGHTS = {
    "bert.embeddings.word_embeddings.weight": torch.arange(8.0).view(4, 2).to(torch.bfloat16),
    "bert.embeddings.LayerNorm.gamma": torch.ones(2),
    "bert.pooler.dense.weight": torch.ones(2, 2),
    "cls.predictions.bias": torch.ones(4),
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    safetensors.torch.save_file(WEIGHTS, tmp_path / "model.safetensors")
    return tmp_path


def test_weights_come_without_prefix_head_and_pooler_in_single_precision(folder):
    found = read_folder(str(folder), max_length=8)
    assert found.weights.names == ("embeddings.LayerNorm.weight", "embeddings.word_embeddings.weight")
    assert {array.dtype.name for array in found.weights.arrays} == {"float32"}
    assert found.weights.by_name()["embeddings.word_embeddings.weight"].tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert json.loads(found.tokenizer) == TOKENIZER


def test_no_code_of_the_folder_is_named_any_more(folder):
    assert "auto_map" not in json.loads(read_folder(str(folder), max_length=8).config)


def test_weights_in_several_files_are_one(folder):
    whole = read_folder(str(folder), max_length=8)
    names = sorted(WEIGHTS)
    (folder / "model.safetensors").unlink()
    for at, part in enumerate((names[:2], names[2:])):
        safetensors.torch.save_file({name: WEIGHTS[name] for name in part}, folder / f"part-{at}.safetensors")
    index = {name: f"part-{int(name in names[2:])}.safetensors" for name in names}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    assert read_folder(str(folder), max_length=8).content == whole.content
    (folder / "part-1.safetensors").unlink()
    with pytest.raises(MtlkdError) as caught:
        read_folder(str(folder), max_length=8)
    assert caught.value.where.endswith("part-1.safetensors")


def test_other_weights_another_tokenizer_or_configuration_are_another_encoder(folder):
    found = {read_folder(str(folder), max_length=8).content}
    safetensors.torch.save_file(
        {**WEIGHTS, "bert.embeddings.LayerNorm.gamma": torch.zeros(2)}, folder / "model.safetensors"
    )
    found.add(read_folder(str(folder), max_length=8).content)
    (folder / "tokenizer.json").write_text(json.dumps({**TOKENIZER, "added_tokens": []}))
    found.add(read_folder(str(folder), max_length=8).content)
    (folder / "config.json").write_text(json.dumps({**CONFIG, "hidden_act": "relu"}))
    found.add(read_folder(str(folder), max_length=8).content)
    assert len(found) == 4


BROKEN = {
    "gone": lambda at: [file.unlink() for file in at.iterdir()] and at.rmdir(),
    "no_configuration": lambda at: (at / "config.json").unlink(),
    "no_json": lambda at: (at / "config.json").write_text("{"),
    "a_list": lambda at: (at / "config.json").write_text("[]"),
    "no_encoder": lambda at: (at / "config.json").write_text('{"model_type": "gpt2"}'),
    "a_decoder": lambda at: (at / "config.json").write_text(json.dumps({**CONFIG, "is_decoder": True})),
    "no_vocabulary": lambda at: (at / "config.json").write_text('{"model_type": "bert"}'),
    "no_layers": lambda at: (at / "config.json").write_text(json.dumps({**CONFIG, "num_hidden_layers": 0})),
    "endless_layers": lambda at: (at / "config.json").write_text(json.dumps({**CONFIG, "n_layers": 10**30})),
    "negative_heads": lambda at: (at / "config.json").write_text(json.dumps({**CONFIG, "num_attention_heads": -2})),
    "no_width": lambda at: (at / "config.json").write_text(json.dumps({**CONFIG, "hidden_size": None})),
    "short": lambda at: (at / "config.json").write_text(json.dumps({**CONFIG, "max_position_embeddings": 7})),
    "short_by_its_offset": lambda at: (at / "config.json").write_text(
        json.dumps({**CONFIG, "model_type": "roberta", "pad_token_id": 1, "max_position_embeddings": 9})
    ),
    "short_by_an_offset_that_it_does_not_say": lambda at: (at / "config.json").write_text(
        json.dumps({**CONFIG, "model_type": "roberta", "max_position_embeddings": 9})
    ),
    "no_positions": lambda at: (at / "config.json").write_text(json.dumps({**CONFIG, "max_position_embeddings": 0})),
    "another_tokenizer": lambda at: (at / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"z": 9}}})),
    "an_empty_tokenizer": lambda at: (at / "tokenizer.json").write_text("{}"),
    "a_tokenizer_without_pieces": lambda at: (at / "tokenizer.json").write_text('{"model": {"vocab": []}}'),
    "no_weights": lambda at: (at / "model.safetensors").unlink(),
    "pickled": lambda at: (at / "model.safetensors").rename(at / "pytorch_model.bin"),
    "damaged": lambda at: (at / "model.safetensors").write_bytes(b"12345678"),
    "no_embeddings": lambda at: safetensors.torch.save_file({"a": torch.ones(1)}, at / "model.safetensors"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_folder_that_holds_no_encoder_is_one_clear_error(folder, refused, name):
    BROKEN[name](folder)
    with refused():
        read_folder(str(folder), max_length=8)
