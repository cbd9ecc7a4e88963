import json

from benchmarks import pretrained_step, record
from tests.pretrained import LAYERS, save
from tests.setup_files import Files


def test_a_quick_run_reports_a_step_of_every_variant_and_what_its_layers_predict(monkeypatch, tmp_path):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    Files(tmp_path).write()
    save(tmp_path / "tiny")
    setup = ["--setup", str(tmp_path / "shop.yaml"), "--batch-size", "2", "--max-length", "16"]
    pretrained_step.main(["--quick", "--encoder", str(tmp_path / "tiny"), "--layers", str(LAYERS), *setup])
    (file,) = tmp_path.glob("pretrained_step-*.json")
    figures = {(row["case"], row["what"]): row["figure"] for row in json.loads(file.read_text())["rows"]}
    assert {name for case, name in figures if case == "step"} == set(pretrained_step.VARIANTS)
    assert figures["by the number of layers", "all, activations computed again"] == 4 / 3
    assert figures["by the number of layers", "top-1, states known"] == 1 / LAYERS
    filled = {what: figure for (case, what), figure in figures.items() if case == "filling the cache"}
    assert len(filled) == 3
    assert all(figure > 0 for figure in filled.values())
