from benchmarks.report import predictions
from benchmarks.report.predictions import METRICS, write_sweep
from benchmarks.row_findings import OTHERS, by_metric, read
from ray_mtlkd.report import load
from ray_mtlkd.report.row_findings import read_rows


def test_the_drawn_sweep_is_one_that_a_report_reads(tmp_path, monkeypatch):
    monkeypatch.setattr(predictions, "STRATEGIES", 3)
    monkeypatch.setattr(predictions, "SEEDS", 2)
    write_sweep(tmp_path, 60)
    found = read_rows([str(tmp_path)], load.read([str(tmp_path)]))
    assert len(found.noise.trials) == 3
    assert {len(trials.keys) for trials in found.noise.trials.values()} == {2}
    assert found.noise.unknown == {}
    assert not found.warnings
    cost = read(tmp_path)
    assert cost.cpu_s > 0
    assert 0 < cost.imports_mib <= cost.peak_mib


def test_every_metric_is_measured_by_itself():
    rows = by_metric(60, repetitions=1)
    assert len({row.what for row in rows}) == len(METRICS) + sum(map(len, OTHERS.values()))
