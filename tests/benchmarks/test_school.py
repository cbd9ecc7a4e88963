import json

from benchmarks import record, school


def test_a_quick_run_reports_every_prior_beside_independent_ridge(monkeypatch, tmp_path):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(school, "TASKS", 24)
    school.main(["--quick"])
    (file,) = tmp_path.glob("school-*.json")
    rows = {row["what"]: row for row in json.loads(file.read_text())["rows"]}
    assert set(rows) == {school.PLAIN, "mean_constraint", "graph", "matrix_normal"}
    assert rows["graph"]["reached"]
