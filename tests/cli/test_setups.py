import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from ray_mtlkd.cli.setups import app
from ray_mtlkd.console.live import bar
from ray_mtlkd.errors import MtlkdError

RUNNER = CliRunner(env={"COLUMNS": "140", "MTLKD_DATA": ""})


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    task = {"kind": "multiclass", "data": "mail", "text": ["text"], "label": "label", "metric": "accuracy"}
    path = tmp_path / "shop.yaml"
    path.write_text(yaml.safe_dump({"name": "shop", "source": "our own [desk]", "tasks": {"intent": task}}))
    (tmp_path / "mail").mkdir()
    for split, labels in (("train", ["[pay]", "hi"]), ("valid", ["hi", "hi"]), ("test", ["hi", "odd"])):
        pq.write_table(pa.table({"text": ["a", "b"], "label": labels}), tmp_path / "mail" / f"{split}.parquet")
    return path


def test_list_names_every_setup_its_tasks_and_what_is_missing(tmp_path: Path):
    result = RUNNER.invoke(app, ["list", "--data-dir", str(tmp_path)], catch_exceptions=False)
    assert result.exit_code == 0
    for part in ("similar", "tiny_noisy", "multiclass", "20,000", "commerce: missing (no product_match,", "built in"):
        assert part in result.output
    assert "https://github.com/jianguoz/Few-Shot-Intent-Detection" in result.output


def test_list_without_a_data_folder_says_so():
    result = RUNNER.invoke(app, ["list"], catch_exceptions=False)
    assert "intents: missing (no --data-dir is given)" in result.output


def test_list_tells_broken_tables_apart_from_missing_ones(tmp_path: Path):
    for task in ("atis", "snips", "banking77", "clinc150", "hwu64"):
        (tmp_path / "intents" / task).mkdir(parents=True)
        (tmp_path / "intents" / task / "train.parquet").write_bytes(b"PAR1")
    result = RUNNER.invoke(app, ["list", "--data-dir", str(tmp_path)], catch_exceptions=False)
    assert f"intents: here, but broken (see `ray-mtlkd setups describe intents --data-dir {tmp_path}`)" in result.output


def test_describe_tells_rows_labels_baselines_duplicates_and_warnings(manifest: Path):
    result = RUNNER.invoke(app, ["describe", str(manifest)], catch_exceptions=False)
    assert result.exit_code == 0
    for part in (
        "shop: our own [desk]",
        "text: text",
        "[pay] 50.0 %, hi 50.0 %",
        "2 (100.0%) │ 2 (100.0%) │ 2 (100.0%)",
        "most : least frequent 1.0 : 1, effectively 2.0 classes",
        "computing classical models; --no-classical leaves them out",
        "intent: accuracy ↑",
        "warning: tasks.intent: 1 row has a label that train never shows (0 in valid, 1 in test)",
    ):
        assert part in result.output


def test_describe_reads_built_in_setups_and_goes_without_baselines():
    result = RUNNER.invoke(app, ["describe", "diverse", "--no-classical"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "span_f1" in result.output
    assert "trivial predictors" in result.output
    assert "classical" not in result.output


def test_describe_computes_baselines_once(manifest: Path, monkeypatch):
    monkeypatch.setenv("MTLKD_CACHE", str(manifest.parent / "cache"))
    first, again = (RUNNER.invoke(app, ["describe", str(manifest)], catch_exceptions=False) for _ in range(2))
    assert "computing classical models" in first.output
    assert "computing" not in again.output
    assert first.output.splitlines()[-4:] == again.output.splitlines()[-4:]


def test_describe_fits_into_80_columns(manifest: Path):
    narrow = CliRunner(env={"COLUMNS": "80", "MTLKD_DATA": ""})
    result = narrow.invoke(app, ["describe", str(manifest)], catch_exceptions=False)
    tables = [line for line in result.output.splitlines() if line.startswith(("┃", "│", " "))]
    assert tables
    assert max(map(len, tables)) <= 80


def test_describe_tells_missing_labels_and_texts_in_another_task_s_train(manifest: Path):
    task = {"kind": "multiclass", "data": "chat", "text": ["text"], "label": "label", "metric": "accuracy"}
    value = yaml.safe_load(manifest.read_text())
    value["tasks"]["tone"] = {**task, "missing_labels": "skip"}
    manifest.write_text(yaml.safe_dump(value))
    (manifest.parent / "chat").mkdir()
    for split, texts in (("train", "pqrs"), ("valid", "tuvw"), ("test", "axyz")):
        rows = {"text": list(texts), "label": ["x", "y", "y", None]}
        pq.write_table(pa.table(rows), manifest.parent / "chat" / f"{split}.parquet")
    result = RUNNER.invoke(app, ["describe", str(manifest), "--no-classical"], catch_exceptions=False)
    assert "25.0% unlabelled" in result.output
    assert "duplicates: 1 test row of tone in train of intent" in result.output


def test_describe_raises_what_a_user_can_fix(manifest: Path):
    broken = manifest.parent / "mail" / "test.parquet"
    broken.write_bytes(b"PAR1")
    with pytest.raises(MtlkdError) as caught:
        RUNNER.invoke(app, ["describe", str(manifest)], catch_exceptions=False)
    assert caught.value.where == str(broken)


def test_fetch_tells_licences_and_origins_before_anything_comes(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("MTLKD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    options = ["--data-dir", str(tmp_path), "--mirror", "http://127.0.0.1:1"]
    result = RUNNER.invoke(app, ["fetch", "intents_small", *options])
    lines = result.output.splitlines()
    assert "banking77: CC BY 4.0 (PolyAI-LDN/task-specific-datasets)" in lines
    assert lines[-1].startswith("from https://github.com/jianguoz/Few-Shot-Intent-Detection at fa95533")
    assert isinstance(result.exception, MtlkdError)
    assert result.exception.where.endswith("/Datasets/ATIS/train/seq.in")


def test_fetch_leaves_tables_alone_that_are_there(tmp_path: Path):
    table = tmp_path / "census" / "shared" / "train.parquet"
    table.parent.mkdir(parents=True)
    table.write_bytes(b"mine")
    result = RUNNER.invoke(app, ["fetch", "census", "--data-dir", str(tmp_path)], catch_exceptions=False)
    assert result.output.startswith("all tables are there; see `ray-mtlkd setups describe census --data-dir ")
    assert table.read_bytes() == b"mine"


@pytest.mark.parametrize("words", [["similar", "--data-dir", "."], ["intents"]])
def test_fetch_wants_a_public_setup_and_a_place(words, worded):
    with pytest.raises(MtlkdError) as caught:
        RUNNER.invoke(app, ["fetch", *words], catch_exceptions=False)
    worded(caught.value)


@pytest.mark.parametrize("verb", [["list"], ["describe"], ["fetch"]])
def test_help_ends_with_a_runnable_example(verb):
    result = RUNNER.invoke(app, [*verb, "--help"], catch_exceptions=False)
    assert result.output.strip().splitlines()[-1].strip().startswith("Example: ray-mtlkd setups")


def test_progress_is_drawn_on_a_terminal_and_gone_afterwards():
    for terminal, drawn in ((True, True), (False, False)):
        written = io.StringIO()
        console = Console(file=written, force_terminal=terminal, width=80, height=20, legacy_windows=False)
        with bar(console) as tell:
            tell("intent: [TF-IDF]", 340, 1500)
        said = written.getvalue()
        assert ("intent: [TF-IDF]" in said and "340/1500" in said) == drawn
        assert not said.endswith("340/1500")
