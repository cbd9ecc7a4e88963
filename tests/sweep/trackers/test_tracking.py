import importlib.util

import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep import archive
from ray_mtlkd.sweep.schema import Tracking
from ray_mtlkd.sweep.space import decode_space
from ray_mtlkd.sweep.trackers import tracking
from ray_mtlkd.sweep.trackers.tracking import check_installed, placed, tracked
from ray_mtlkd.sweep_folder import SweepFolder


class ListTracker:
    """Logs nothing of one trial."""

    place = "a list"

    def __init__(self):
        self.held = {}

    def open(self):
        return set(self.held)

    def log(self, run):
        if run.trial == "bad":
            raise ConnectionError("nobody answers")
        self.held[run.trial] = run

    def close(self):
        pass


@pytest.fixture
def folder(tmp_path, record):
    """A sweep with two trials that have ended and one that was lost."""
    folder = SweepFolder.at(str(tmp_path / "out"))
    for trial, status in (("good", "ok"), ("bad", "ok"), ("lost", "lost")):
        archive.write_records(folder, trial, [record(trial=trial, status=status, config='{"training.lr": 0.1}')])
    return folder


@pytest.fixture
def track(folder, space_value, monkeypatch):
    """Runs a sweep's end with a tracker; returns what was said."""

    def run(tracker):
        monkeypatch.setattr(tracking, "_trackers", lambda *_: [tracker])
        said, space = [], decode_space(space_value(), where="space.yaml")
        with tracked(space, folder, sweep="s-1", say=said.append) as ended:
            ended("good")
        return said

    return run


def test_what_a_tracker_lacks_at_the_end_is_told_with_the_way_to_log_it(track, folder, worded):
    tracker = ListTracker()
    first, *said, last = track(tracker)
    assert first == "trials are logged with a list"
    assert len(said) == 1
    worded(last)
    assert tracker.held.keys() == {"good"}
    assert tracker.held["good"].parameters["training.lr"] == 0.1


def test_where_it_lacks_nothing_nothing_is_told(track, folder):
    folder.records.delete("bad.parquet")
    assert track(ListTracker()) == ["trials are logged with a list"]


def test_off_by_default(folder, space_value):
    with tracked(decode_space(space_value(), where="space.yaml"), folder, sweep="s-1", say=pytest.fail) as ended:
        ended("good")


def test_a_library_that_is_missing_is_an_error_with_the_way_to_get_it(monkeypatch, refused):
    monkeypatch.setattr(tracking, "find_spec", lambda _: None)
    check_installed(Tracking())
    with refused(ExceptionGroup):
        check_installed(Tracking(mlflow="http://host", wandb="offline"))


def test_places_of_this_machine_mean_the_same_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert placed(Tracking(mlflow="sqlite:///runs.db", wandb="runs")) == {
        "mlflow": f"sqlite:///{tmp_path / 'runs.db'}",
        "wandb": str(tmp_path / "runs"),
    }
    assert placed(Tracking(mlflow="http://host:5000", wandb="offline")) == {}
    assert placed(Tracking(wandb=str(tmp_path))) == {"wandb": str(tmp_path)}


def test_offline_runs_do_not_go_to_a_sweep_s_folder_that_is_elsewhere(space_value, refused):
    space = decode_space(space_value(tracking={"wandb": "offline"}), where="space.yaml")
    with refused(), tracked(space, SweepFolder.at("mock://sweep"), sweep="s-1", say=pytest.fail):
        pass


@pytest.mark.parametrize("value", [{"mlflow": ""}, {"wandb": 3}, {"tensorboard": "x"}, "mlflow"], ids=str)
def test_what_is_no_tracker_is_an_error(space_value, value, worded):
    with pytest.raises((MtlkdError, ExceptionGroup)) as caught:
        decode_space(space_value(tracking=value), where="space.yaml")
    worded(caught.value)


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")  # of what the trackers themselves use
@pytest.mark.usefixtures("_figures_unsaved")
@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("mlflow", "alembic", "wandb"))), reason="the extras are not installed"
)
def test_a_sweep_logs_its_trials_once_whatever_it_is_asked_again(tmp_path, here, space_text):
    from mlflow import MlflowClient  # noqa: PLC0415 - may not be installed

    trackers = "{mlflow: 'sqlite:///runs.db', wandb: offline}"
    (tmp_path / "space.yaml").write_text(f"{space_text}classical: false\ntracking: {trackers}\n")
    done = here("sweep", "space.yaml", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'runs.db'}")
    experiment = client.get_experiment_by_name("small").experiment_id

    def logged():
        return sorted(run.info.run_name for run in client.search_runs([experiment]))

    trials = set(archive.finished(SweepFolder.at(str(tmp_path / "out"))))
    (parent,) = set(logged()) - trials
    assert logged() == sorted([parent, *trials])
    assert len(list((tmp_path / "out" / "wandb").glob("offline-run-*"))) == len(trials)
    again = here("sweep", "--resume", tmp_path / "out", cwd="/")
    assert again.returncode == 0, again.stderr
    assert logged() == sorted([parent, *trials])
    assert len(list((tmp_path / "out" / "wandb").glob("offline-run-*"))) == len(trials)
