"""MLflow's own client reads what is logged in a data base of its own."""

import pytest

from ray_mtlkd.sweep.trackers.mlflow_runs import MlflowRuns

pytest.importorskip("mlflow", reason="the extra `mlflow` is not installed")
pytest.importorskip("alembic", reason="MLflow's data bases want alembic")
pytestmark = pytest.mark.filterwarnings("ignore")  # of what MLflow itself uses


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'runs.db'}"


@pytest.fixture
def held(uri, sweep):
    """Every run of the sweep's experiment, by name."""
    from mlflow import MlflowClient  # noqa: PLC0415 - may not be installed

    client = MlflowClient(tracking_uri=uri)

    def ask():
        experiment = client.get_experiment_by_name(sweep.name)
        runs = client.search_runs([experiment.experiment_id])
        assert len({run.info.run_name for run in runs}) == len(runs)
        return client, {run.info.run_name: run for run in runs}

    return ask


def test_a_trial_is_a_run_below_that_of_its_sweep_and_is_logged_once(uri, sweep, run, held):
    tracker = MlflowRuns(uri, sweep)
    assert tracker.open() == set()
    many = {at: {"valid/a": at / 2000} for at in range(2000)}
    tracker.log(run("good", curves=many, batches=2000))
    tracker.log(run("bad", error="loss is NaN", curves={}, final={}))
    tracker.close()
    client, found = held()
    assert found.keys() == {sweep.key, "good", "bad"}
    good, bad, parent = found["good"], found["bad"], found[sweep.key]
    assert good.data.params == {"strategy": "sum", "seed": "1", "training.lr": "0.1"}
    assert good.data.metrics == {"valid/a": 1999 / 2000, "when_done/score": 0.7}
    history = client.get_metric_history(good.info.run_id, "valid/a")
    assert [(point.step, point.value) for point in history] == [(at, at / 2000) for at in range(2000)]
    assert good.info.end_time - good.info.start_time == 3000
    assert [each.info.status for each in (good, bad, parent)] == ["FINISHED", "FAILED", "FINISHED"]
    assert bad.data.tags["error"] == "loss is NaN"
    assert good.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert MlflowRuns(uri, sweep).open() == {"good", "bad"}
    assert held()[1].keys() == found.keys()


def test_a_run_that_was_cut_off_is_taken_away(uri, sweep, run, held, monkeypatch):
    tracker = MlflowRuns(uri, sweep)
    tracker.open()
    with monkeypatch.context() as patch:
        patch.setattr(type(tracker._client), "set_terminated", lambda *_, **__: pytest.skip.Exception)
        tracker.log(run("cut"))
    again = MlflowRuns(uri, sweep)
    assert "cut" not in again.open()
    again.log(run("cut"))
    assert held()[1]["cut"].info.status == "FINISHED"


def test_a_login_in_the_address_is_not_told(sweep):
    assert MlflowRuns("http://me:secret@host:5000/x", sweep).place == "MLflow at http://host:5000/x"
