import pytest

from ray_mtlkd.report.advice import advise
from ray_mtlkd.report.classical import Classical, against, models, read, row
from ray_mtlkd.report.summary import summarise
from ray_mtlkd.report.text import NOTHING


@pytest.fixture
def setup(made, setups_of):
    """Two tasks, the second better when lower, whose means over seeds are 0.6 and 2.0."""
    trials = [made("sum", seed=seed, test=[0.5 + seed / 10, 2.0], signs=[1, -1]) for seed in (0, 1, 2)]
    (found,) = setups_of(*trials)
    return found


@pytest.fixture
def classical(classical_record):
    def make(first, second, **columns):
        own = [classical_record("t0", test=first), classical_record("t1", test=second, sign=-1, **columns)]
        return Classical(records={(record.setup, record.task): record for record in own})

    return make


def test_a_task_below_its_baseline_is_counted_and_told(setup, classical):
    assert against("sum", [setup], classical(0.7, 2.1)) == (
        "**With `sum` 1 of 2 tasks is below a classical model on test**: t0 (0.600 against 0.700)."
    )


def test_where_lower_is_better_above_is_below(setup, classical):
    assert "t1 (2.000 against 1.900)" in against("sum", [setup], classical(0.5, 1.9))


def test_no_task_below_is_told_too(setup, classical):
    said = against("sum", [setup], classical(0.5, 2.1))
    assert said == "With `sum` no task of 2 is below its classical model on test."


def test_without_baselines_nothing_is_told(setup, classical):
    assert against("sum", [setup], Classical()) == ""
    assert against("joint_kd", [setup], classical(0.7, 2.1)) == ""
    assert row(setup, Classical()) is None


def test_a_baseline_by_another_metric_is_not_compared(setup, classical):
    found = classical(0.5, 1.9, metric="rmse")
    assert row(setup, found) == ["classical (gradient boosting)", NOTHING, "0.500", NOTHING]
    assert "no task of 1" in against("sum", [setup], found)


def test_models_that_differ_are_named_below_the_table(setup, classical):
    found = classical(0.5, 1.9, model="TF-IDF")
    assert row(setup, found)[0] == "classical (a model a task)"
    assert models(setup, found) == "Classical: t0: gradient boosting; t1: TF-IDF."
    assert models(setup, classical(0.5, 1.9)) == ""


def test_over_several_setups_tasks_are_told_with_their_setup(made, setups_of, classical_record):
    trials = [made("sum", seed=seed, test=[0.5], setup=name) for name in ("a", "b") for seed in (1, 2)]
    trials += [made("stop", seed=seed, test=[0.7], valid=[0.9], setup="b") for seed in (1, 2)]
    found = setups_of(*trials)
    known = Classical(records={(name, "t0"): classical_record("t0", setup=name, test=0.6) for name in ("a", "b")})
    said = advise(found, summarise(found), known, {}).said
    assert "2 of 2 tasks are below a classical model on test**: t0 of a (0.500 against 0.600), t0 of b (0.500" in said
    last = said.splitlines()[-1]
    assert last.startswith("- b: ship `stop`.")
    assert last.endswith("With `stop` no task of 1 is below its classical model on test.")
    assert said.count("With `sum`") == 1


def test_baselines_are_read_from_a_sweeps_folder_and_from_a_file_in_it(classical_record, write_classical, tmp_path):
    write_classical(tmp_path / "run" / "classical" / "s.parquet", [classical_record("t0"), classical_record("t1")])
    write_classical(tmp_path / "run" / "classical.parquet", [classical_record("t0", setup="by hand")])
    found = read([str(tmp_path / "run"), (tmp_path / "run").as_uri()])
    assert sorted(found.records) == [("by hand", "t0"), ("s", "t0"), ("s", "t1")]
    assert found.warnings == ()


def test_a_folder_without_baselines_and_a_file_of_records_have_none(tmp_path):
    (tmp_path / "all.parquet").write_bytes(b"")
    assert read([str(tmp_path), str(tmp_path / "all.parquet")]) == Classical()


def test_a_damaged_file_is_a_warning(classical_record, write_classical, tmp_path):
    path = tmp_path / "classical" / "s.parquet"
    write_classical(path, [classical_record("t0")])
    path.write_bytes(path.read_bytes()[:-30])
    found = read([str(tmp_path)])
    assert found.records == {}
    assert found.warnings[0].startswith(f"no classical models from {path}: ")


def test_sweeps_on_different_tables_are_told(classical_record, write_classical, tmp_path):
    for name, test in (("one", 0.5), ("two", 0.6)):
        write_classical(tmp_path / name / "classical" / "s.parquet", [classical_record("t0", content=name, test=test)])
    found = read([str(tmp_path / "one"), str(tmp_path / "two")])
    assert found.records["s", "t0"].test == 0.5
    assert found.warnings == ("s: its tables differ between these sweeps; the classical models are the first's",)
