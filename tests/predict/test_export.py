"""What is exported says without this package what the kept model says."""

import re
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from ray_mtlkd.cli import app
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.hf.encoder import Lora, PretrainedEncoder
from ray_mtlkd.predict.export import export
from ray_mtlkd.predict.model_folder import load_model
from tests.keeping import TEXT_TASKS, keep_model, text_setup, text_table
from tests.pretrained import save, transformers

PAGE = Path(__file__).parents[2] / "docs" / "pretrained.md"
ROWS = 24


def keep(folder, family="bert", **settings):
    """A kept model of two tasks, changed as if it had been trained."""
    save(folder / "encoder", family)
    encoder = PretrainedEncoder(path=str(folder / "encoder"), max_length=16, **settings)
    return keep_model(text_setup(TEXT_TASKS), encoder, folder / "kept")


def said(folder, task, texts, monkeypatch, capsys):
    """What the page's program prints, and the outputs that it finds."""
    (program,) = re.findall(r"```python\n# answer.py\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    monkeypatch.setattr(sys, "argv", ["answer.py", str(folder), task, *texts])
    names = {}
    exec(compile(program, "answer.py", "exec"), names)  # noqa: S102 - it is ours
    return [line.partition("\t")[0] for line in capsys.readouterr().out.splitlines()], names["outputs"]


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("bert", {"train": Lora(lora=2)}),
        ("roberta", {"pooling": "cls"}),
        ("distilbert", {"train": "top-1", "pair": "together"}),
        ("deberta-v2", {}),
        ("modernbert", {}),
    ],
    ids=str,
)
def test_the_page_s_program_answers_as_the_kept_model_does(tmp_path, monkeypatch, capsys, family, settings):
    kept = keep(tmp_path, family, **settings)
    result = CliRunner().invoke(app, ["export", kept.uri, "--out", str(tmp_path / "out")], catch_exceptions=False)
    assert result.exit_code == 0
    outputs = kept.predicted("intent", text_table(ROWS))
    classes = load_model(kept.uri).tasks[0].classes
    texts = text_table(ROWS)["text"].to_pylist()
    answers, found = said(tmp_path / "out", "intent", texts, monkeypatch, capsys)
    assert answers == [classes[at] for at in outputs.argmax(1).tolist()]
    torch.testing.assert_close(found, outputs, atol=2e-5, rtol=0)
    assert (outputs.std(0) > 0).all()


def test_the_exported_weights_are_those_of_the_kept_model_with_what_was_learned_beside_them(tmp_path):
    kept = load_model(keep(tmp_path, train=Lora(lora=2)).uri)
    for p in kept.model.encoder.parameters():
        torch.nn.init.constant_(p, 0.1)
    export(kept, tmp_path / "out")
    exported = transformers.AutoModel.from_pretrained(tmp_path / "out").eval()
    drawn = transformers.AutoModel.from_pretrained(tmp_path / "encoder").eval()
    name = "encoder.layer.0.intermediate.dense.weight"
    # a rank of two of 0.1 times 0.1
    torch.testing.assert_close(exported.get_parameter(name), drawn.get_parameter(name) + 0.02)


def test_a_folder_that_holds_something_is_left_alone(tmp_path, refused):
    kept = load_model(keep(tmp_path).uri)
    with refused():
        export(kept, tmp_path)


def test_what_needs_more_than_an_encoder_and_heads_is_refused(tmp_path, refused):
    for made in (
        keep_model(text_setup(TEXT_TASKS), BagOfNgrams(hidden=(4,), buckets=64), tmp_path / "bag"),
        keep(tmp_path, pair="apart"),
    ):
        with refused(MtlkdError):
            export(load_model(made.uri), tmp_path / "out")
    assert not (tmp_path / "out").exists()
