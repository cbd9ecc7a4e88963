import benchmarks.__main__ as everything
from benchmarks import record


def _found(name):
    row = record.Row(case="a case", what=name, figure=2.0, unit="s", goal=("at most", 1.0))
    record.save(name, [row], settings={}, started={})


def test_one_table_shows_what_this_run_found_and_nothing_older(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    _found("older")
    monkeypatch.setattr(everything, "_run", lambda name, options: _found(name) or options == ["--quick"])
    shown = []
    monkeypatch.setattr(record, "show", lambda title, rows: shown.append((title, rows)))
    assert everything.main(["--quick"]) == 0
    title, rows = shown[-1]
    assert title == "benchmarks"
    assert sorted(row.case for row in rows) == sorted(f"{name}: a case" for name in everything.BENCHMARKS)
    assert {(row.goal, row.reached) for row in rows} == {(("at most", 1.0), False)}
    assert capsys.readouterr().err == ""


def test_one_that_fails_keeps_none_of_the_others_from_running(monkeypatch, tmp_path, capfd):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(everything, "BENCHMARKS", ("no_such_benchmark", "record"))
    assert everything.main([]) == 1
    said = capfd.readouterr()
    assert "== no_such_benchmark\n== record\n" in said.out
    assert "failed: no_such_benchmark\n" in said.err
