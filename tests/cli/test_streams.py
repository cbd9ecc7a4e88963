import io
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ray_mtlkd.cli import main, streams
from ray_mtlkd.cluster import connection
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.predict.dataset.labelling import plan
from ray_mtlkd.predict.dataset.labels import Settings
from ray_mtlkd.records import TaskResult, TrialEnd
from ray_mtlkd.sweep import archive
from ray_mtlkd.sweep.results import records_of
from ray_mtlkd.sweep.work import SweepWork
from tests.keeping import TEXT_TASKS, keep_model, relabel_alone, text_setup, text_table
from tests.setup_files import Files

SPACE = """
name: small
setups: [shop.yaml]
encoder: bag
training: {steps: 4, eval_every: 2, batch_size: 2, lr: 0.01}
strategies: [{name: sum, label: sum/low}, {name: joint_kd, label: 'déjà/[low]'}]
"""
VERBS = {
    "list": ("setups", "list"),
    "describe": ("setups", "describe", "shop.yaml"),
    "classical": ("classical", "shop.yaml"),
    "check": ("check", "space.yaml"),
    "sweep": ("sweep", "space.yaml", "--out=out"),
    "report": ("report", "out"),
    "predict": ("predict", "kept", "--data=new.parquet", "--out=new.csv"),
    "relabel": ("relabel", "kept", "--task=intent", "--data=new.parquet", "--out=labels"),
    "help": ("--help",),
}
FILES = {"sweep": "out/report/report.md", "predict": "new.csv", "relabel": "labels/manifest.json"}
"""What a verb leaves."""


class _Cluster:
    """Is told to start and to stop, and does neither."""

    def start(self):
        pass

    stop = start


def _run(work, _cluster, begin):
    """Every trial ends well, at once."""
    prepared, folder = work.prepared, work.folder
    begin()
    for group in prepared.plan.groups:
        for trial in prepared.plan.replicates(group, 0):
            metric = 0.5 + trial.seed / 100
            result = TaskResult(valid=metric, test=metric, valid_peak=metric, test_peak=metric, checkpoint_step=1)
            end = TrialEnd(status="ok", score=metric)
            records = records_of(trial, prepared.of(trial), sweep="s", end=end, results=[result])
            archive.write_records(folder, trial.name, records)
    return archive.count(folder)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    encoder = BagOfNgrams(hidden=(8,), buckets=256)
    return keep_model(text_setup(TEXT_TASKS), encoder, tmp_path_factory.mktemp("kept") / "texts")


@pytest.fixture
def run(kept, tmp_path, monkeypatch, _figures_unsaved):
    """Runs a verb, with all that it reads, with the given standard output; returns its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("RAY_ADDRESS", "")
    monkeypatch.setattr(connection, "connect", lambda **_: nullcontext(_Cluster()))
    monkeypatch.setattr(SweepWork, "run", _run)
    files = Files(tmp_path)
    for split in files.tables:
        files.change("label", ["naïve", "日本"] * (len(files.tables[split]["text"]) // 2), splits=(split,))
    files.write()
    (tmp_path / "space.yaml").write_text(SPACE, encoding="utf-8")
    (tmp_path / "kept").symlink_to(kept.folder)
    pq.write_table(text_table(12), tmp_path / "new.parquet")

    def relabel():
        """All but what the verb itself does where every part is there."""
        work = plan(
            model=str(tmp_path / "kept"),
            data=str(tmp_path / "new.parquet"),
            out=str(tmp_path / "labels"),
            settings=Settings(task="intent"),
            rows_per_part=100_000,
        )
        relabel_alone(work)
        (tmp_path / "labels" / "manifest.json").unlink()

    def run(verb, output):
        if verb == "relabel":
            relabel()
        if verb == "report":
            run("sweep", io.StringIO())
        monkeypatch.setattr(sys, "stdout", output)
        monkeypatch.setattr(sys, "argv", ["ray-mtlkd", *VERBS[verb]])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0

    return run


@pytest.fixture
def pipe():
    """A pipe to nobody."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        yield stream


@pytest.fixture
def full():
    """A device without room."""
    with Path("/dev/full").open("w", encoding="utf-8") as stream:
        yield stream


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_speaks_ascii(run, verb):
    written = io.BytesIO()
    output = io.TextIOWrapper(written, encoding="ascii")
    assert run(verb, output) == 0
    output.flush()
    said = written.getvalue().decode("ascii")
    assert said.strip()
    if verb in {"sweep", "predict", "relabel"}:
        assert " -> " in said
    if verb in {"sweep", "report"}:
        assert all(f" {label} " in said for label in ("sum/low", "d\\xe9j\\xe0/[low]"))


@pytest.mark.parametrize(("encoding", "naive"), [("ascii", "na\\xefve"), ("latin-1", "naïve")])
def test_a_table_stands_upright_where_an_encoding_lacks_its_signs(run, encoding, naive):
    written = io.BytesIO()
    output = io.TextIOWrapper(written, encoding=encoding)
    run("describe", output)
    output.flush()
    lines = written.getvalue().decode(encoding).splitlines()
    (at,) = [at for at, line in enumerate(lines) if f"{naive} 50.0 %, \\u65e5\\u672c 50.0 %" in line]
    assert lines[at].endswith("|")
    assert len({len(line.rstrip()) for line in lines[at - 3 : at + 3]}) == 1


@pytest.mark.parametrize("verb", VERBS)
def test_a_full_device_is_an_error_in_one_line_after_the_work(run, verb, full, capsys, tmp_path):
    assert run(verb, full) == streams.MISTAKE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: standard output: ")
    assert all((tmp_path / name).exists() for name in [FILES.get(verb, "")])


@pytest.mark.parametrize("verb", VERBS)
def test_a_reader_that_went_away_ends_a_verb_quietly_but_no_work(run, verb, pipe, capsys, tmp_path):
    assert run(verb, pipe) == streams.NO_READER
    assert capsys.readouterr().err == ""
    assert all((tmp_path / name).exists() for name in [FILES.get(verb, "")])


def test_a_mistake_keeps_its_exit_code_where_nobody_reads_the_output(run, full, capsys, tmp_path):
    (tmp_path / "space.yaml").write_text("name: x")
    assert run("check", full) == streams.MISTAKE
    assert "standard output" not in capsys.readouterr().err


def test_what_describes_tables_ends_at_once_where_nobody_reads_it(run, pipe, monkeypatch):
    def refuse(*_, **__):
        pytest.fail("the models were computed for nobody")

    monkeypatch.setattr("ray_mtlkd.classical.compute", refuse)
    assert run("describe", pipe) == streams.NO_READER


@pytest.mark.parametrize(
    ("shell", "code"), [("", 0), (">/dev/full", streams.MISTAKE), (">&-", 0), ("| exec 0<&-", streams.NO_READER)]
)
def test_the_interpreter_ends_as_the_command_does_in_a_plain_locale(shell, code):
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = f"{sys.executable} -c 'from ray_mtlkd.cli import main; main()' --help {shell}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, env=environment, check=False)
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == (code == streams.MISTAKE)


def test_of_a_great_many_mistakes_and_of_a_long_one_the_first_of_them_is_told(capsys):
    problems = [MtlkdError("a" * 10_000, where=f"x{at}", fix="mend it") for at in range(1000)]
    streams.print_errors(problems)
    *told, count = capsys.readouterr().err.splitlines()
    assert [line.partition(": a")[0] for line in told] == [f"error: x{at}" for at in range(200)]
    assert all(len(line) < 5000 and line.endswith("; mend it") and "letters" in line for line in told)
    assert count.startswith("1000 errors")
    streams.print_errors(problems[:2])
    assert capsys.readouterr().err.splitlines()[-1] == "2 errors"
