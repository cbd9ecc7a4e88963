"""Networks as graphs: what they say is what the model says, in any number of rows, or they are not written."""

import json

import numpy as np
import onnxruntime
import pyarrow as pa
import pytest
import torch

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.models.encoders.transformer import Transformer
from ray_mtlkd.predict import graph
from ray_mtlkd.predict.graph import export_graphs, features_of
from ray_mtlkd.predict.model_folder import load_model
from ray_mtlkd.predict.predictions import outputs_of
from tests.keeping import TAG_TASKS, TEXT_TASKS, keep_diverse, keep_model, rows_of_diverse, text_setup, text_table

TABLE = text_table(30)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Models by encoder."""
    folder = tmp_path_factory.mktemp("kept")
    encoders = {
        "bag": (BagOfNgrams(hidden=(4,), buckets=64), TEXT_TASKS),
        "cnn": (Cnn(embedding=4, channels=4, widths=(1, 3), wide=4, buckets=64), TAG_TASKS),
        "transformer": (Transformer(embedding=8, attention_heads=2, feedforward=8, buckets=64), TEXT_TASKS),
    }
    found = {
        name: load_model(keep_model(text_setup(tasks), encoder, folder / name).uri)
        for name, (encoder, tasks) in encoders.items()
    }
    return {**found, "mlp": load_model(keep_diverse(folder / "mlp").uri)}


def _ask_torch(file, features):
    return torch.export.load(file).module()(*map(torch.from_numpy, features.values())).detach().numpy()


def _ask_onnx(file, features):
    session = onnxruntime.InferenceSession(file)
    return session.run(None, {each.name: features[each.name] for each in session.get_inputs()})[0]


@pytest.mark.parametrize(
    ("encoder", "task", "form"),
    [("mlp", "spend", "onnx"), ("bag", "intent", "onnx"), ("mlp", "events", "torch"), ("cnn", "names", "torch")],
)
def test_a_graph_says_what_the_model_says_of_other_rows(kept, tmp_path, encoder, task, form):
    model = kept[encoder]
    table = rows_of_diverse()[task] if encoder == "mlp" else TABLE
    apart = export_graphs(model, {task: table.slice(0, 9)}, tmp_path / "out", form=form, where="rows")
    assert apart[task] <= 1e-4
    ask, ending = {"onnx": (_ask_onnx, "onnx"), "torch": (_ask_torch, "pt2")}[form]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(["graphs.json", f"{task}.{ending}"])
    other = table.slice(9, 21)
    said = ask(tmp_path / "out" / f"{task}.{ending}", features_of(model, task, other))
    np.testing.assert_allclose(said, outputs_of(model, task, other, where="rows").values, atol=1e-4)
    about = json.loads((tmp_path / "out" / "graphs.json").read_text())[task]
    assert about["file"] == f"{task}.{ending}"
    assert list(about["inputs"]) == list(features_of(model, task, other))
    assert about["task"]["name"] == task


@pytest.mark.parametrize(("encoder", "form"), [("transformer", "torch")])
def test_a_network_that_cannot_be_a_graph_says_why_and_leaves_nothing(kept, tmp_path, encoder, form):
    with pytest.raises(MtlkdError) as caught:
        export_graphs(kept[encoder], {"intent": TABLE}, tmp_path / "out", form=form, where="rows")
    assert caught.value.where == kept[encoder].uri
    assert list(tmp_path.iterdir()) == []


def test_a_graph_that_says_something_else_is_not_written(kept, tmp_path, monkeypatch):
    monkeypatch.setattr(graph, "_runner", lambda *_: lambda named: np.zeros((len(named["offsets"]) - 1, 3)))
    with pytest.raises(MtlkdError) as caught:
        export_graphs(kept["bag"], {"intent": TABLE}, tmp_path / "out", form="torch", where="rows")
    assert "from the model's" in caught.value.what
    assert list(tmp_path.iterdir()) == []


def test_one_row_is_enough_to_make_a_graph_and_a_full_folder_is_left_alone(kept, tmp_path, refused):
    row = pa.table({"text": ["pay now"]})
    export_graphs(kept["bag"], {"intent": row}, tmp_path / "out", form="torch", where="rows")
    with refused():
        export_graphs(kept["bag"], {"intent": row}, tmp_path / "out", form="torch", where="rows")
