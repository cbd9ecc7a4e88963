"""Tiny encoders of every family as folders, drawn from a seed, with a tokenizer trained on a few words."""

import os
from functools import cache
from pathlib import Path

import pytest
import torch

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
transformers = pytest.importorskip("transformers", reason="transformers is not installed: pip install 'ray-mtlkd[hf]'")
tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install 'ray-mtlkd[hf]'")
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

WORDS = (
    *("play", "the", "next", "song", "book", "a", "table", "for", "two", "weather", "in", "paris", "tomorrow"),
    *("pay", "now", "hello", "you", "oh", "zebra", "unplayable", "tables", "songs"),
)
WIDTH, LAYERS, POSITIONS, PIECES = 16, 2, 40, 120
_COMMON = {
    "vocab_size": PIECES,
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": POSITIONS,
}
CONFIGS = {
    "bert": _COMMON,
    "roberta": {**_COMMON, "max_position_embeddings": POSITIONS + 1, "type_vocab_size": 1},
    "distilbert": {
        "vocab_size": PIECES,
        "dim": WIDTH,
        "n_layers": LAYERS,
        "n_heads": 2,
        "hidden_dim": 32,
        "max_position_embeddings": POSITIONS,
    },
    "modernbert": {**_COMMON, "local_attention": 4},
    "deberta-v2": {
        **_COMMON,
        "relative_attention": True,
        "position_buckets": 8,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": "p2c|c2p",
        "position_biased_input": False,
        "type_vocab_size": 0,
    },
}
"""By family; MiniLM is of the first."""


@cache
def tokenizer(*, byte_level=False):
    """A tokenizer of pieces, trained on the words, or with these and all letters: WordPiece trains by chance."""
    special, unknown = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"], "[UNK]"
    if byte_level:
        made = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token=unknown))
        made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        options = {"vocab_size": PIECES, "special_tokens": special, "show_progress": False}
        made.train_from_iterator([" ".join(WORDS)] * 3, tokenizers.trainers.BpeTrainer(**options))
    else:
        letters = sorted(set("".join(WORDS)))
        pieces = dict.fromkeys([*special, *letters, *(f"##{letter}" for letter in letters), *WORDS])
        vocabulary = {piece: at for at, piece in enumerate(pieces)}
        made = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token=unknown))
        made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def save(folder, family="bert", *, seed=0):
    """An encoder's folder; returns the model that it holds."""
    ids = dict.fromkeys(("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 2)
    config = transformers.AutoConfig.for_model(family, **{**CONFIGS[family], **ids, "pad_token_id": 0})
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = transformers.AutoModel.from_config(config).eval()
        for p in model.parameters():  # norms start at 1 and biases at 0, which would tell none from another
            p.data += 0.1 * torch.randn_like(p)
    model.save_pretrained(folder)
    tokenizer(byte_level=family in {"roberta", "modernbert"}).save(str(Path(folder) / "tokenizer.json"))
    return model
