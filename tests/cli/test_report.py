import io
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from ray_mtlkd import report
from ray_mtlkd.cli.report import EXAMPLE, print_summary
from ray_mtlkd.cli.report import report as verb
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.records import TaskIdentity, TaskRecord, TaskResult, TrialEnd, TrialWarning, to_table
from tests.columns import changed

pytestmark = pytest.mark.usefixtures("_figures_unsaved")

RECORD = TaskRecord(
    identity=TaskIdentity(
        sweep="w",
        setup="s",
        strategy="sum",
        curriculum="joint",
        balancer="sum",
        role="baseline",
        stage="replicate",
        config_index=0,
        config="{}",
        seed=1,
        trial="t",
        task="a",
        task_index=0,
        kind="binary",
        metric="f1",
        sign=1,
        train_rows=10,
        trivial=0.1,
        perfect=1.0,
    ),
    end=TrialEnd(status="ok", score=0.5, steps=9, batches=9, wall_s=1.0, cpu_s=1.0),
    result=TaskResult(valid=0.5, test=0.5, valid_peak=0.5, test_peak=0.5, checkpoint_step=1),
)


def _records(strategies=("sum", "joint_kd")):
    """``joint_kd`` gains 20 %, 21 % and 22 % on its three seeds."""
    return [
        changed(
            RECORD,
            strategy=name,
            role="kd" if name == "joint_kd" else "baseline",
            seed=seed,
            trial=f"{name}-{seed}",
            test=0.5 * (1.2 + seed / 100 if name == "joint_kd" else 1.0),
            score=0.6 if name == "joint_kd" else 0.5,
        )
        for name in strategies
        for seed in range(3)
    ]


@pytest.fixture
def run():
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command(epilog=EXAMPLE)(verb)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "run"
    (folder / "records").mkdir(parents=True)
    pq.write_table(to_table(_records()), folder / "records" / "all.parquet")
    return folder


def test_the_report_lies_in_the_sweep_unless_told_otherwise(run, results):
    found = run(results)
    assert found.exit_code == 0
    assert (results / "report" / "report.md").exists()
    assert f"report:      {results}/report/report.html" in found.output.splitlines()


def test_the_terminal_shows_what_to_ship_before_the_gains(run, results, tmp_path):
    found = run(results, "--out", tmp_path / "out")
    assert found.output.index("Ship joint_kd.") < found.output.index("over best baseline")
    assert "+11.7 [+10.3, +13.0]" in found.output
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()).count(".csv") == 4


def test_a_strategy_that_did_not_distil_is_told_below_the_gains(run, results):
    output = run(results).output
    assert output.index("over best baseline") < output.index("warning: s: no task converged within the budget")


def test_failed_trials_are_told(run, results):
    lost = changed(RECORD, seed=9, trial="lost")
    lost = replace(lost, end=TrialEnd(status="failed", error="loss is NaN"), result=TaskResult())
    pq.write_table(to_table([lost]), results / "records" / "lost.parquet")
    assert "1 trial failed; the report says which and why" in run(results).output


def test_a_query_of_a_place_stays_behind_the_report_that_lies_in_the_sweep(run, results):
    found = run(f"{results.as_uri()}?a=b")
    assert f"report:      {results.as_uri()}/report/report.html?a=b" in found.output.splitlines()
    assert (results / "report" / "report.md").exists()


def test_a_single_file_needs_an_out(run, results, worded):
    error = run(results / "records" / "all.parquet").exception
    assert isinstance(error, MtlkdError)
    worded(error)


@pytest.mark.parametrize("named", [("--setup", "s"), ("--strategy", "sum")])
def test_a_part_needs_an_out(run, results, named):
    error = run(results, *named).exception
    assert isinstance(error, MtlkdError)
    assert error.where == "--out"
    assert not (results / "report").exists()


def test_a_part_is_told_before_what_to_ship(run, results, tmp_path):
    pq.write_table(to_table(_records(("sum", "joint_kd", "pcgrad"))), results / "records" / "all.parquet")
    named = ("--strategy", "sum", "--strategy", "joint_kd", "--out", tmp_path / "out")
    said = " ".join(run(results, *named).output.split())
    assert said.index("This is a part: 2 of 3 strategies (sum, joint_kd)") < said.index("Ship joint_kd.")
    assert "pcgrad" not in said


def test_a_missing_folder_is_a_users_error(run, tmp_path):
    assert isinstance(run(tmp_path / "nowhere").exception, MtlkdError)


def test_help_ends_with_a_runnable_example(run):
    words = run("--help").output.split()
    assert " ".join(words).endswith("ray-mtlkd report runs/first runs/second --out runs/report`")


@pytest.mark.parametrize(("width", "together"), [(80, False), (160, True)])
def test_the_judgement_stands_below_the_number_where_the_terminal_is_narrow(width, together):
    records = [changed(record, test=0.5 + (record.identity.seed - 1) / 10) for record in _records()]
    records = [changed(record, test=0.5) if record.identity.strategy == "sum" else record for record in records]
    console = Console(width=width, file=io.StringIO())
    print_summary(report.summary(report.of(records)), console)
    lines = console.file.getvalue().splitlines()
    (number,) = [line for line in lines if "joint_kd" in line]
    assert ("cannot tell" in number) is together
    assert any("cannot tell" in line for line in lines)
    assert all(len(line) <= width for line in lines)


def test_a_warning_stands_below_the_table():
    console = Console(width=100, file=io.StringIO())
    print_summary(report.summary(report.of(_records(strategies=("joint_kd",)))), console)
    assert "warning: s: no baseline can be compared" in console.file.getvalue()


def test_strategies_that_did_not_train_every_task_are_marked_and_explained():
    late = [TrialWarning(kind="untrained", task="a", text="the budget ended before a had trained")]
    records = [
        changed(each, warnings=late if (each.identity.strategy, each.identity.seed) == ("joint_kd", 1) else [])
        for each in _records()
    ]
    console = Console(width=160, file=io.StringIO())
    print_summary(report.summary(report.of(records)), console)
    lines = console.file.getvalue().splitlines()
    marked = [line.split()[:4] for line in lines if "†" in line]
    assert marked[0] == ["joint_kd", "†", "not", "comparable"]
    assert lines[-1] == (
        "† in 1 of 3 trials the budget ended before every task had trained (joint_kd: a in 1 of 3): "
        "not comparable (budget)"
    )
