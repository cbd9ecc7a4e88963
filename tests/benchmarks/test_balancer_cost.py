import json

from benchmarks import balancer_cost, record
from benchmarks.step import interleave


def test_a_quick_run_reports_a_step_and_the_arithmetic_of_every_balancer(monkeypatch, tmp_path):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    for module in (balancer_cost, interleave):
        monkeypatch.setattr(module, "TURN", 1)
    monkeypatch.setattr(balancer_cost, "COUNTS", (2,))
    balancer_cost.main(["--quick"])
    (file,) = tmp_path.glob("balancer_cost-*.json")
    figures = {(row["case"][:4], row["what"]): row["figure"] for row in json.loads(file.read_text())["rows"]}
    measured = {(case, name) for case in ("step", "weig") for name in balancer_cost.NAMES}
    assert set(figures) == {*measured, ("cosi", balancer_cost.MEASURED)}
    assert min(figures.values()) > 0
