import json

import pytest

from benchmarks import balancer_cost, record
from benchmarks.step import interleave
from ray_mtlkd.cli.step_costs import step_costs


def test_a_quick_run_reports_a_step_and_the_arithmetic_of_every_balancer(monkeypatch, tmp_path):
    costs = tmp_path / "costs.json"
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(balancer_cost, "COSTS", costs)
    for module in (balancer_cost, interleave):
        monkeypatch.setattr(module, "TURN", 1)
    monkeypatch.setattr(balancer_cost, "COUNTS", (2,))
    monkeypatch.setattr(balancer_cost, "WIDTHS", (3000,))
    balancer_cost.main(["--quick"])
    (file,) = tmp_path.glob("balancer_cost-*.json")
    rows = json.loads(file.read_text())["rows"]
    figures = {(row["case"].partition(", T=")[0], row["what"]): row["figure"] for row in rows}
    cases = ("step, multi-input", "step, single-input", "weigh alone")
    assert set(figures) == {
        *((case, name) for case in cases for name in balancer_cost.NAMES),
        *(("Gramian", what) for what in ("ours", "ours, time", "one float32 product")),
        ("cosines and affinities", balancer_cost.MEASURED),
    }
    assert min(figures.values()) > 0
    assert not costs.exists(), "a smoke run is no measurement"


def test_the_step_costs_that_the_package_shows_are_those_of_the_run_that_is_kept_last():
    *_, file = sorted(record.RESULTS.glob("balancer_cost-*.json"))
    kept = json.loads(file.read_text())
    shown = step_costs()
    for sort, ratios in (("multi-input", shown.own_rows), ("single-input", shown.shared_rows)):
        rows = {row["what"]: row for row in kept["rows"] if row["case"] == f"step, {sort}, T=5"}
        assert set(ratios) == set(rows)
        for name, ratio in ratios.items():
            assert ratio == (1.0 if name == balancer_cost.PLAIN else pytest.approx(rows[name]["figure"], abs=5e-4))
    assert kept["machine"]["processor"] in shown.measured
    assert f"load {kept['machine']['load_at_start']:.1f}" in shown.measured
