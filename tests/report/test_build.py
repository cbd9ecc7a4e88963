"""A report from fixed records, and the folder that it is written to."""

import difflib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ray_mtlkd import report
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.records import TrialWarning
from ray_mtlkd.report.classical import SAID
from ray_mtlkd.report.text import NOTHING
from tests.columns import changed

GOLDEN = Path(__file__).parent / "golden"
GAINS = {
    "sum": (0.0, 0.0, 0.0),
    "static": (1.0, 0.9, 1.1),
    "joint_kd": (6.0, 5.9, 6.1),
    "single_task": (-2.0, -1.8, -2.2),
}
"""Test gain over ``sum`` in percent by seed, the same on both tasks, so that the average is known by heart."""
TABLES = [
    f"{name}{ending}" for name in ("configurations", "gains", "strategies", "tasks") for ending in (".csv", ".parquet")
]
NEW_LABEL = [TrialWarning(kind="data", task="t0", text="t0: a label is new")]


@pytest.fixture
def golden(made, failed, write, tmp_path):
    """An accuracy and an rmse, in two setups; one search and one replicate failed."""

    def trial(name, seed, percent, setup, **columns):
        test = [0.8 * (1 + percent / 100), 2.0 * (1 - percent / 100)]
        valid = [0.82, 2.0] if name == "static" else [0.8, 2.0]
        records = made(
            name, seed=seed, test=test, valid=valid, signs=[1, -1], setup=setup, score=0.7 + percent / 100, **columns
        )
        peaks = [(0.82, test[0] * (1 + seed / 1000), 300), (1.95, test[1], 900)]
        return [
            changed(record, valid_peak=valid, test_peak=test, peak_step=step)
            for record, (valid, test, step) in zip(records, peaks, strict=True)
        ]

    def trials():
        for setup in ("one", "two"):
            for name, percents in GAINS.items():
                yield trial(name, 0, percents[0], setup, stage="search", config_index=0)
                settings = '{"training.lr": 0.00212345, "training.batch": 32}'
                bad = trial(name, 0, percents[0], setup, stage="search", config_index=1, config=settings)
                yield failed(bad, "loss is NaN in task t1 at step 12") if name == "static" else bad
                for seed, percent in enumerate(percents, start=7):
                    whole = trial(name, seed, percent, setup, warnings=NEW_LABEL if seed == 7 else [])
                    lost = (setup, name, seed) == ("two", "joint_kd", 9)
                    yield failed(whole, "worker was lost") if lost else whole

    return write(tmp_path / "run", trials())


@pytest.mark.usefixtures("_figures_unsaved")
def test_its_tables_are_had_in_memory_too(golden, tmp_path, refused):
    found = report.build([str(golden)], tmp_path / "out")
    tables = {path.stem for path in (tmp_path / "out").glob("*.csv")}
    assert set(found.tables) == tables
    gains = found.frame("gains")
    assert found.table("gains").num_rows == len(gains) == len((GOLDEN / "gains.csv").read_text().splitlines()) - 1
    assert gains["skill_points"].dtype == float
    for name in tables:
        assert pq.read_table(tmp_path / "out" / f"{name}.parquet").equals(found.table(name))
    with refused():
        found.table("gain")


@pytest.mark.usefixtures("_figures_unsaved")
def test_fixed_records_give_the_golden_report(golden, tmp_path):
    report.build(str(golden), tmp_path / "out")
    for name in ("report.md", "gains.csv", "strategies.csv", "tasks.csv", "configurations.csv"):
        assert (tmp_path / "out" / name).read_text(encoding="utf-8") == (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.usefixtures("_figures_unsaved")
def test_baselines_add_a_row_and_a_sentence_and_change_nothing_else(
    golden, classical_record, write_classical, tmp_path
):
    found = [
        classical_record("t0", setup="one", test=0.9, model="TF-IDF"),
        classical_record("t1", setup="one", test=2.5, sign=-1),
        classical_record("t0", setup="two", test=0.7),
    ]
    write_classical(golden / "classical" / "one.parquet", found[:2])
    write_classical(golden / "classical" / "two.parquet", found[2:])
    report.build([str(golden)], tmp_path / "out")
    added = [
        line[2:]
        for line in difflib.ndiff(
            (GOLDEN / "report.md").read_text(encoding="utf-8").splitlines(),
            (tmp_path / "out" / "report.md").read_text(encoding="utf-8").splitlines(),
        )
        if line[0] in "+-" and line[2:]
    ]
    assert added == [
        "**With `joint_kd` 1 of 3 tasks is below a classical model on test**: t0 of one (0.848 against 0.900).",
        f"| classical (a model a task) | {NOTHING} | 0.900 | 2.500 |",
        "Classical: t0: TF-IDF; t1: gradient boosting.",
        f"| classical (gradient boosting) | {NOTHING} | 0.700 | {NOTHING} |",
        *SAID.splitlines(),
    ]


def test_a_report_is_the_same_bytes_each_time_and_shows_its_figures(fake_trial, write, tmp_path):
    trials = [fake_trial(setup="similar", strategy=name, seed=seed) for name in ("sum", "joint_kd") for seed in (1, 2)]
    sweep = write(tmp_path / "run", iter(trials))
    for name in ("first", "second"):
        report.build([str(sweep)], tmp_path / name)
    files = {path.name: path.read_bytes() for path in (tmp_path / "first").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "second").iterdir()}
    assert sorted(files) == sorted(
        ["report.md", "report.html", "gains.tex", *TABLES, "gains.svg", "curves-similar.svg"]
    )
    page = files["report.md"].decode()
    assert all(f"]({name})" in page for name in files if name.endswith(".svg"))


@pytest.fixture
def small(made, write, tmp_path):
    """A sweep of two trials."""
    return write(tmp_path / "run", iter([made(name, seed=1, test=[0.5]) for name in ("sum", "joint_kd")]))


@pytest.mark.usefixtures("_figures_unsaved")
def test_a_report_goes_to_any_place_that_pyarrow_knows(small, tmp_path):
    found = report.build([small.as_uri()], (tmp_path / "there").as_uri())
    assert found.page == (tmp_path / "there").as_uri() + "/report.html"
    assert (tmp_path / "there" / "report.md").exists()


@pytest.mark.usefixtures("_figures_unsaved")
def test_a_query_of_a_place_stays_behind_its_names_and_every_file_lands_in_the_folder(small, tmp_path):
    out = tmp_path / "there"
    found = report.build([f"{small.as_uri()}?a=b"], f"{out.as_uri()}?a=b")
    assert found.page == f"{out.as_uri()}/report.html?a=b"
    names = {*TABLES, "gains.svg", "gains.tex", "report.html", "report.md"}
    assert {path.name for path in out.iterdir()} == names
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "there"]


@pytest.mark.usefixtures("_figures_unsaved")
def test_a_place_that_cannot_be_written_is_named(small, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MtlkdError) as caught:
        report.build([str(small)], tmp_path / "file")
    assert caught.value.where == str(tmp_path / "file")


@pytest.mark.usefixtures("_figures_unsaved")
def test_several_sweeps_are_one_report(made, write, tmp_path):
    for sweep, gain in (("v", 1.1), ("w", 1.3)):
        trials = [
            made("sum", seed=1, test=[0.5], sweep=sweep),
            made("joint_kd", seed=1, test=[0.5 * gain], sweep=sweep),
        ]
        write(tmp_path / sweep, iter(trials))
    found = report.build([str(tmp_path / "v"), str(tmp_path / "w")], tmp_path / "out")
    gain = found.summary.cells["s", "joint_kd", "sum"].gain
    assert (gain.mean, gain.seeds) == (pytest.approx(20.0), 2)
    assert (tmp_path / "out" / "report.md").read_text(encoding="utf-8").startswith("# Report: v, w\n")


@pytest.mark.usefixtures("_figures_unsaved")
def test_a_setups_name_is_made_safe_for_files(fake_trial, write, tmp_path):
    made = fake_trial(setup="similar", strategy="sum", seed=1)
    trial = [changed(record, setup="a/b c", trial="t") for record in made]
    report.build([str(write(tmp_path, iter([trial])))], tmp_path / "out")
    assert (tmp_path / "out" / "curves-0-a_b_c.svg").exists()


@pytest.mark.usefixtures("_figures_unsaved")
def test_a_sweep_in_which_every_replicate_failed_still_has_a_report(made, failed, write, tmp_path):
    folder = write(tmp_path, iter([failed(made("sum", seed=1, test=[0.5]), "loss is NaN")]))
    found = report.build([str(folder)], tmp_path / "out")
    assert found.advice.ship is None
    assert found.failed == 1
    page = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "loss is NaN" in page
    assert "gains.svg" not in page


def test_a_sweep_that_only_searched_is_an_error(made, write, tmp_path, refused):
    folder = write(tmp_path, iter([made("sum", seed=1, test=[0.5], stage="search")]))
    with refused():
        report.build([str(folder)], tmp_path / "out")


def test_a_sweep_whose_searches_all_failed_says_why(made, failed, write, tmp_path, refused):
    trials = [made("sum", seed=1, test=[0.5], stage="search"), made("pcgrad", seed=1, test=[0.5], stage="search")]
    folder = write(tmp_path, iter([failed(trial, "loss is NaN") for trial in trials]))
    with refused():
        report.build([str(folder)], tmp_path / "out")


def test_a_summary_comes_from_records_in_memory(made):
    records = [*made("sum", seed=1, test=[0.5]), *made("joint_kd", seed=1, test=[0.6])]
    found = report.summary(report.of(records))
    assert found.cells["s", "joint_kd", "sum"].gain.mean == pytest.approx(20.0)


@pytest.mark.usefixtures("_figures_unsaved")
@pytest.mark.parametrize("sign", ["checkpoints/joint_kd-c0-s2/checkpoint.json", "driver-ab12.json"])
def test_a_report_of_a_sweep_that_goes_on_says_so(made, write, tmp_path, sign):
    sweep = tmp_path / "run"
    write(sweep, iter([made(name, seed=1, test=[0.5]) for name in ("sum", "joint_kd")]))

    def said():
        report.build([str(sweep)], tmp_path / "out")
        return "has not ended" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")

    assert not said()
    (sweep / sign).parent.mkdir(parents=True, exist_ok=True)
    (sweep / sign).write_text("")
    assert said()
