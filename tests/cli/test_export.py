import importlib

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from ray_mtlkd.cli import app
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from tests.keeping import TEXT_TASKS, keep_model, text_setup, text_table


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    return keep_model(text_setup(TEXT_TASKS), BagOfNgrams(hidden=(4,), buckets=64), folder / "model")


def _export(kept, tmp_path, *options):
    words = ["export", kept.uri, "--out", str(tmp_path / "out"), *options]
    return CliRunner().invoke(app, words, catch_exceptions=False)


def test_graphs_are_told_with_how_near_they_are(kept, tmp_path):
    pq.write_table(text_table(5), tmp_path / "rows.parquet")
    options = ["--format", "torch", "--data", str(tmp_path / "*.parquet"), "--task", "intent"]
    said = _export(kept, tmp_path, *options).output.splitlines()
    assert said[0].startswith("intent: at most ")
    assert said[1] == f"graphs of intent and graphs.json → {tmp_path / 'out'}"


@pytest.mark.parametrize("options", [["--format", "torch"], ["--format", "onnx", "--data", "rows.csv"]], ids=" ".join)
def test_what_is_missing_for_a_graph_is_told_before_anything_is_read(kept, tmp_path, monkeypatch, worded, options):
    monkeypatch.setattr(importlib.import_module("ray_mtlkd.cli.export"), "find_spec", lambda _: None)
    with pytest.raises(MtlkdError) as caught:
        _export(kept, tmp_path, *options)
    worded(caught.value)
    assert list(tmp_path.iterdir()) == []
