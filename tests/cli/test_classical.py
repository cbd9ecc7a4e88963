from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
import yaml
from typer.testing import CliRunner

from ray_mtlkd.cli.classical import EXAMPLE, classical
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.records import classical_from_table


@pytest.fixture
def run():
    app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode="markdown")
    app.command(epilog=EXAMPLE)(classical)
    return lambda *words: CliRunner(env={"COLUMNS": "80"}).invoke(app, [str(word) for word in words])


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    task = {"kind": "multiclass", "data": "mail", "text": ["text"], "label": "label", "metric": "accuracy"}
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump({"name": "shop", "tasks": {"intent": task}}))
    (tmp_path / "mail").mkdir()
    for split in ("train", "valid", "test"):
        rows = {"text": ["pay now", "hello you"] * 5, "label": ["pay", "greet"] * 5}
        pq.write_table(pa.table(rows), tmp_path / "mail" / f"{split}.parquet")
    return tmp_path / "shop.yaml"


def test_every_task_is_announced_tabled_and_written(run, manifest, tmp_path):
    found = run(manifest, "--out", tmp_path / "b.parquet")
    assert found.exit_code == 0, found.output
    assert "classical model of intent (1 of 1) …" in found.output
    (row,) = [line.split() for line in found.output.splitlines() if line.startswith("intent: accuracy ↑")]
    assert row[3:6] == ["0.5000", "1.0000", "1.0000"]
    (record,) = classical_from_table(pq.read_table(tmp_path / "b.parquet"))
    assert (record.setup, record.task, record.test) == ("shop", "intent", 1.0)
    assert all(len(line) <= 80 for line in found.output.splitlines() if "written" not in line)


@pytest.mark.parametrize("out", [".", "nowhere/b.parquet"])
def test_a_place_that_cannot_be_written_is_refused_before_the_work(run, manifest, tmp_path, out):
    found = run(manifest, "--out", tmp_path / out)
    assert isinstance(found.exception, MtlkdError)
    assert "classical" not in found.output


def test_a_task_without_a_baseline_is_a_users_error(run, manifest):
    for split in ("train", "valid", "test"):
        pq.write_table(
            pa.table({"text": ["", ""], "label": ["pay", "greet"]}), manifest.parent / f"mail/{split}.parquet"
        )
    found = run(manifest)
    assert isinstance(found.exception, MtlkdError)
    assert found.exception.where == "tasks.intent"


def test_help_ends_with_a_runnable_example(run):
    words = run("--help").output.split()
    assert " ".join(words).endswith("ray-mtlkd classical similar --out classical.parquet")
