"""The real command line on a real Ray cluster, left alone and broken on purpose."""

import os
import re
import signal
import threading
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.api_pb2 import STATUS_SUCCESS
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from ray_mtlkd import setups
from ray_mtlkd.predict.model_folder import load
from ray_mtlkd.predict.predictions import predict_table
from ray_mtlkd.predicted import read
from ray_mtlkd.records import classical_from_table
from ray_mtlkd.report.load import read as load_records
from ray_mtlkd.report.row_findings import read_rows
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep_folder import BEST
from tests.processes import below, lives
from tests.scripts import LIMIT_S
from tests.setup_files import write_fewer
from tests.sweeps import SPACE, assert_same, kept, records, start, wait_for, written

pytestmark = pytest.mark.ray

TRIALS = 2 * (2 + 2)
TASKS = ("tiny_noisy", "small", "large")
ROWS = 800
"""Of each split: the classical models of all tasks and rows would take longer than all trials."""
ALONE = """
relabel: {where: inline}
classical: false
"""
"""Nothing runs beside the trials."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    write_fewer("similar", folder, tasks=TASKS, rows=ROWS)
    (folder / "space.yaml").write_text(SPACE)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _cache(folder):
    """Only the first sweep computes the classical models."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTLKD_CACHE", str(folder / "cache"))
        yield


@pytest.fixture(scope="module")
def whole(folder, here):
    """A sweep that nobody disturbed."""
    out = folder / "whole"
    done = here("sweep", folder / "space.yaml", "--out", out)
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def _trials():
    """Processes below this one that run trials."""
    return [pid for pid, name in below(os.getpid()).items() if name.startswith("ray::ImplicitFunc")]


@contextmanager
def _signalled(out, number):
    """The trials that get a signal once one of a sweep has a checkpoint, while the body runs."""
    found = []

    def send():
        wait_for(lambda: list((out / "checkpoints").glob("*/checkpoint.json")))
        found.extend(_trials())
        for pid in found:
            os.kill(pid, number)

    sender = threading.Thread(target=send)
    sender.start()
    yield found
    sender.join()


def _first_step(event_file):
    events = EventAccumulator(str(event_file))
    events.Reload()
    return min(events.Scalars(tag)[0].step for tag in events.Tags()["scalars"])


def test_a_sweep_writes_records_report_and_event_files_and_prints_the_table(whole):
    out, printed = whole
    assert len(records(out)) == TRIALS
    assert f"{TRIALS}/{TRIALS} trials done" in printed
    assert "over best baseline" in printed
    assert f"{out}/report/report.html" in printed
    assert f"tensorboard --logdir {out}/tensorboard" in printed
    assert (out / "report" / "report.md").exists()
    assert not list((out / "checkpoints").glob("*"))


def test_relabelling_that_asks_for_gpus_is_an_error_on_a_machine_without(folder, here):
    (folder / "gpus.yaml").write_text(f"{SPACE}relabel: {{where: shared, gpus_per_actor: 1}}\n")
    said = here("sweep", folder / "gpus.yaml", "--out", folder / "gpus")
    assert said.returncode == 2
    assert said.stderr.startswith("error: relabel.gpus_per_actor: ")
    assert "a trial with its relabelling asks for 2 GPUs" in said.stderr
    assert not (folder / "gpus").exists()


def test_a_sweep_computes_classical_baselines_and_reports_them(whole):
    out, printed = whole
    baselines = classical_from_table(pq.read_table(out / "classical" / "fewer.parquet"))
    assert tuple(record.task for record in baselines) == TASKS
    assert all(record.test > record.trivial_test + 0.1 for record in baselines)
    (row,) = [line for line in (out / "report" / "report.md").read_text().splitlines() if "| classical (" in line]
    assert [cell.strip() for cell in row.split("|")[3:-1]] == [f"{record.test:.3f}" for record in baselines]
    assert re.search(r"classical\s+model\s+on\s+test", printed)


def test_event_files_hold_scalars_events_and_hyper_parameters(whole):
    out, _ = whole
    events = EventAccumulator(str(out / "tensorboard" / "fewer" / "joint_kd" / "search" / "c0-seed0"))
    events.Reload()
    tags = set(events.Tags()["scalars"])
    record = pq.read_table(out / "records" / "fewer-joint_kd-c0-s0.parquet").to_pylist()[0]
    for name in ("train_loss", "valid", "weight", "phase", "when_done/valid", "when_done/test"):
        assert f"{name}/{record['task']}" in tags
    assert any(tag.startswith("kd_weight/") for tag in tags)
    assert events.Scalars("when_done/score")[0].value == pytest.approx(record["score"])
    assert len(events.Scalars(f"valid/{record['task']}")) == len(record["curve"])
    assert "events/text_summary" in events.Tags()["tensors"]
    texts = b" ".join(event.tensor_proto.string_val[0] for event in events.Tensors("events/text_summary"))
    for kind in ("start", "converge", "relabel", "rewind", "finish"):
        assert kind.encode() in texts
    written = events.PluginTagToContent("hparams")
    start = HParamsPluginData.FromString(written["_hparams_/session_start_info"]).session_start_info.hparams
    assert start["Strategy"].string_value == "joint_kd"
    assert start["training.lr"].number_value == pytest.approx(6e-3)
    assert start["curriculum.rewind"].number_value == 1
    end = HParamsPluginData.FromString(written["_hparams_/session_end_info"]).session_end_info
    assert end.status == STATUS_SUCCESS


def test_every_replicate_leaves_the_model_that_its_records_are_of(folder, whole):
    out, _ = whole
    names = {path.stem for path in (out / "records").glob("*.parquet") if not path.stem.endswith("-s0")}
    assert {path.name for path in (out / "models").iterdir()} == {*names, BEST}
    assert len(names) == 4
    raw = setups.read(str(folder / "fewer.yaml"))
    for name in names:
        kept = load(Storage.at(str(out / "models" / name)))
        records = {row["task"]: row for row in pq.read_table(out / "records" / f"{name}.parquet").to_pylist()}
        assert (kept.origin.trial, kept.origin.score) == (name, records["large"]["score"])
        assert kept.origin.step == records["large"]["checkpoint_step"]
        (task,) = [task for task in raw.tasks if task.task.name == "large"]
        split = task.splits["test"]
        said = predict_table(kept, "large", split.inputs, where="test")["large_prediction"].take(
            pa.array(split.row_ids)
        )
        truth = [int(kept.tasks[kept.index("large")].classes[code]) for code in split.labels]
        assert np.mean(np.array(said.to_pylist()) == truth) == pytest.approx(records["large"]["test"])


def test_every_replicate_leaves_the_predictions_that_its_records_are_of(whole):
    out, _ = whole
    ended = {path.stem: pq.read_table(path).to_pylist() for path in (out / "records").glob("*.parquet")}
    assert {name for name, rows in ended.items() if rows[0]["predictions"] is not None} == {
        path.stem for path in (out / "predictions").iterdir()
    }
    for path in (out / "predictions").iterdir():
        rows = {row["task"]: row for row in ended[path.stem]}
        assert path.stat().st_size < 200_000
        for split in ("valid", "test"):
            parts = list(read(path.read_bytes(), expected=rows["large"]["predictions"], split=split, where="x"))
            assert [part.task for part in parts] == [row["task"] for row in ended[path.stem]]
            for part in parts:
                assert np.mean(part.likeliest[:, 0] == part.labels) == pytest.approx(rows[part.task][split])


def test_the_report_of_a_sweep_knows_what_other_test_rows_would_do(whole):
    out, _ = whole
    assert "### Rows of fewer" in (out / "report" / "report.md").read_text()
    assert {path.name for path in (out / "report").glob("*.csv")} >= {
        "confusions.csv",
        "calibration.csv",
        "disagreements.csv",
    }
    found = read_rows([str(out)], load_records([str(out)]))
    assert not found.warnings
    (pair,) = {float(each) for each in found.noise.variances("fewer", ["joint_kd", "gradnorm"])[[0, 1], [1, 0]]}
    assert 0 <= pair < 10  # squared points


def test_the_same_command_on_a_used_folder_refuses(folder, whole, here):
    out, _ = whole
    before = sorted(path.stat().st_mtime_ns for path in out.rglob("*"))
    said = here("sweep", folder / "space.yaml", "--out", out)
    assert said.returncode == 2
    assert f"go on with a sweep by `--resume {out}`" in said.stderr
    assert sorted(path.stat().st_mtime_ns for path in out.rglob("*")) == before


def test_another_space_cannot_resume_a_sweep(folder, whole, here):
    (folder / "another.yaml").write_text(SPACE.replace("seeds: [1, 2]", "seeds: [1, 3]"))
    said = here("sweep", folder / "another.yaml", "--resume", whole[0])
    assert said.returncode == 2
    assert "replicate.seeds" in said.stderr


@pytest.mark.kill
def test_a_sweep_whose_driver_was_killed_goes_on_and_runs_nothing_twice(folder, whole, cluster, here):
    """In other stages, and with the cluster that it started: tests/faults/test_driver.py."""
    out = folder / "killed"
    driver = start(folder / "space.yaml", "--out", out, on=cluster)
    wait_for(lambda: list((out / "records").glob("*-s0.parquet")))
    workers = _trials()
    os.kill(driver.pid, signal.SIGKILL)
    driver.communicate()
    wait_for(lambda: not any(map(lives, workers)))
    finished = written(out)
    assert 0 < len(finished) < TRIALS
    done = here("sweep", folder / "space.yaml", "--resume", out)
    assert done.returncode == 0, done.stderr
    assert written(out).items() >= finished.items()
    assert_same(records(out), records(whole[0]))
    assert kept(out) == kept(whole[0])


@pytest.mark.kill
def test_a_trial_whose_worker_is_killed_resumes_from_its_checkpoint_with_the_same_records(folder, whole, here):
    out = folder / "worker-killed"
    with _signalled(out, signal.SIGKILL) as killed:
        done = here("sweep", folder / "space.yaml", "--out", out)
    assert killed
    assert done.returncode == 0, done.stderr
    assert_same(records(out), records(whole[0]))
    assert kept(out) == kept(whole[0])
    first_evaluation = 6 * len(TASKS)  # task batches
    attempts = [sorted(run.glob("events.*")) for run in (out / "tensorboard").glob("*/*/*/*")]
    resumed = [_first_step(files[1]) for files in attempts if len(files) > 1]
    assert resumed
    assert max(resumed) > first_evaluation


@pytest.mark.kill
def test_trials_whose_processes_hang_are_ended_and_go_on_from_their_checkpoints_with_the_same_records(
    folder, whole, here
):
    out = folder / "hung"
    (folder / "impatient.yaml").write_text(SPACE.replace("checkpoint_every_s: 0", "checkpoint_every_s: 0, stall_s: 5"))
    with _signalled(out, signal.SIGSTOP) as stopped:
        done = here("sweep", folder / "impatient.yaml", "--out", out)
    assert stopped
    assert done.returncode == 0, done.stderr
    assert "resources.stall_s" in done.stdout + done.stderr
    assert not any(map(lives, stopped))
    found, expected = (
        {name: table.drop_columns("stalls") for name, table in records(one).items()} for one in (out, whole[0])
    )
    assert_same(found, expected)
    assert {row["stalls"] for table in records(out).values() for row in table.to_pylist()} == {0, 1}


def test_a_finished_sweep_resumes_without_running_anything(folder, whole, here):
    out, _ = whole
    before = written(out)
    said = here("sweep", "--resume", out)
    assert said.returncode == 0, said.stderr
    assert "over best baseline" in said.stdout
    assert written(out) == before


def test_baselines_that_are_missing_are_made_up_for_on_resume_without_running_a_trial(folder, whole, here):
    out, _ = whole
    file = out / "classical" / "fewer.parquet"
    before, baselines = written(out), pq.read_table(file)
    file.unlink()
    said = here("sweep", folder / "space.yaml", "--resume", out)
    assert said.returncode == 0, said.stderr
    assert pq.read_table(file).equals(baselines)
    assert written(out) == before


def test_a_stopped_sweep_says_how_to_go_on(folder, cluster):
    (folder / "alone.yaml").write_text(SPACE + ALONE)
    out = folder / "stopped"
    driver = start(folder / "alone.yaml", "--out", out, on=cluster)
    wait_for(lambda: list((out / "records").glob("*.parquet")))
    driver.send_signal(signal.SIGINT)
    printed, _ = driver.communicate(timeout=LIMIT_S)
    assert driver.returncode == 130
    assert f"--resume {out}" in printed


def test_a_trial_whose_loss_becomes_nan_fails_alone(folder, here):
    text = SPACE.replace("{grid: [6e-3, 12e-3]}", "{grid: [6e-3, 1e30]}").replace("steps: 120", "steps: 30")
    (folder / "nan.yaml").write_text(text.replace("seeds: [1, 2]", "seeds: [1]") + ALONE)
    out = folder / "nan"
    done = here("sweep", folder / "nan.yaml", "--out", out)
    assert done.returncode == 0, done.stderr
    records = {path.stem: pq.read_table(path).to_pylist() for path in (out / "records").glob("*.parquet")}
    failed = {name: rows[0]["error"] for name, rows in records.items() if rows[0]["status"] == "failed"}
    assert failed.keys() == {"fewer-joint_kd-c1-s0", "fewer-gradnorm-c1-s0"}
    for error in failed.values():
        assert error.startswith("task ")
        assert ", step " in error
    assert len(records) == 2 * (2 + 1)
    assert "2 trials failed" in done.stdout
    page = (out / "report" / "report.md").read_text()
    assert "step" in page
    assert next(iter(failed.values())).split(";")[0] in page
