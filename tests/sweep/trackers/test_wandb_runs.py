"""Offline runs say, by W&B's own messages, what was logged."""

import json
import struct

import pytest

from ray_mtlkd.sweep.trackers.wandb_runs import WandbRuns

pytest.importorskip("wandb", reason="the extra `wandb` is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of what W&B itself uses


def _records(path):
    """The messages of an offline run's file: seven bytes of its own, then blocks as LevelDB's log has them."""
    from wandb.proto import wandb_internal_pb2  # noqa: PLC0415 - may not be installed

    data, at = path.read_bytes(), 7
    assert len(data) < 2**15, "longer ones are cut into parts"
    while at < len(data):
        _, length, part = struct.unpack_from("<IHB", data, at)
        assert part == 1, "whole"
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data[at + 7 : at + 7 + length])
        yield record
        at += 7 + length


def _held(folder):
    """What each offline run holds: its description, its settings, its history, summary and exit code, by name."""
    found = {}
    for path in folder.glob("wandb/offline-run-*/*.wandb"):
        history, summary = [], {}
        for record in _records(path):
            sort = record.WhichOneof("record_type")
            if sort == "run":
                about = record.run
            elif sort == "history":
                items = {
                    item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in record.history.item
                }
                history.append({key: items[key] for key in ("_step", "valid/a", "train_loss/a") if key in items})
            elif sort == "summary":
                summary |= {item.key: json.loads(item.value_json) for item in record.summary.update}
            elif sort == "exit":
                code = record.exit.exit_code
        settings = {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in about.config.update}
        assert about.display_name not in found
        found[about.display_name] = (about, settings, history, summary, code)
    return found


@pytest.fixture
def logged(tmp_path, sweep, run):
    tracker = WandbRuns(tmp_path, sweep)
    assert tracker.open() == set()
    tracker.log(run("good"))
    tracker.log(run("bad", error="loss is NaN"))
    tracker.close()
    return tmp_path


def test_a_trial_is_an_offline_run_in_the_group_of_its_sweep(logged, sweep):
    found = _held(logged)
    assert found.keys() == {"good", "bad"}
    about, settings, history, summary, code = found["good"]
    assert (about.project, about.run_group, about.job_type, code) == (sweep.name, sweep.key, "search", 0)
    assert {key: settings[key] for key in ("strategy", "seed", "training.lr")} == {
        "strategy": "sum",
        "seed": 1,
        "training.lr": 0.1,
    }
    assert history == [{"_step": 10, "valid/a": 0.5, "train_loss/a": 2.0}, {"_step": 20, "valid/a": 0.75}]
    assert summary["when_done/score"] == 0.7
    assert (found["bad"][0].notes, found["bad"][-1]) == ("loss is NaN", 1)


def test_what_is_whole_is_known_and_what_was_cut_off_is_logged_anew(logged, sweep, run):
    again = WandbRuns(logged, sweep)
    assert again.open() == {"good", "bad"}
    whole = logged / "wandb" / f"{sweep.key}.trials"
    whole.write_text("good\n")  # as if the process had ended before it could say so of the other
    assert again.open() == {"good"}
    again.log(run("bad"))
    again.close()
    assert _held(logged)["bad"][-1] == 0
    assert again.open() == {"good", "bad"}
