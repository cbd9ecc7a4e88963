import json

from benchmarks import record, sharing_cost
from benchmarks.step import interleave


def test_a_quick_run_reports_a_step_and_the_size_of_every_way_of_sharing(monkeypatch, tmp_path):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    for module in (sharing_cost, interleave):
        monkeypatch.setattr(module, "TURN", 1)
    sharing_cost.main(["--quick"])
    (file,) = tmp_path.glob("sharing_cost-*.json")
    figures = {(row["case"][:4], row["what"]): row["figure"] for row in json.loads(file.read_text())["rows"]}
    ways = {config.name for config in sharing_cost.OWN_SHARING}
    assert {name for case, name in figures if case == "step"} == ways
    assert {name for case, name in figures if case == "para"} == ways - {sharing_cost.PLAIN}
    assert min(figures.values()) > 0
