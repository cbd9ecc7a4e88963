import json

import pytest

from ray_mtlkd import report
from ray_mtlkd.report import load, model_to_take
from ray_mtlkd.seals import check_json

pytestmark = pytest.mark.usefixtures("_figures_unsaved")


@pytest.fixture
def sweep(made, write, tmp_path):
    """A sweep of a strategy whose second seed is the best on validation and the worst on test."""
    trials = [
        made("sum", seed=seed, valid=[valid], test=[test])
        for seed, (valid, test) in enumerate([(0.5, 0.9), (0.7, 0.5), (0.6, 0.6)])
    ]
    folder = write(tmp_path / "one", iter(trials))
    for trial in trials:
        (folder / "models" / trial[0].identity.trial).mkdir(parents=True)
    return folder


def _said(*folders, out):
    return report.build(list(map(str, folders)), out).advice.said


def test_the_model_to_take_is_that_of_the_best_seed_on_validation_not_on_test(sweep, tmp_path):
    said = _said(sweep, out=tmp_path / "out")
    assert said.endswith(f"\n\nIts model with the best validation score: `{sweep}/models/w-s-sum-replicate-0-1`.")


def test_the_report_in_a_sweep_s_folder_names_the_model_beside_the_models(sweep, tmp_path):
    assert _said(sweep, out=tmp_path / "out")
    assert not (sweep / "models" / "best").exists()
    found = report.build([str(sweep)], sweep / "report")
    assert found.advice.models == {"s": f"{sweep}/models/w-s-sum-replicate-0-1"}
    (best,) = (sweep / "models" / "best").iterdir()
    assert best.name == "s"
    assert json.loads(check_json(best.read_bytes())) == {"model": "w-s-sum-replicate-0-1"}
    assert set(model_to_take.find([str(sweep)], load.read([str(sweep)]))) == {
        ("w", f"w-s-sum-replicate-0-{seed}") for seed in range(3)
    }


def test_a_setup_s_name_that_is_no_file_s_leads_nowhere(made, write, tmp_path):
    trial = made("sum", seed=1, valid=[0.5], test=[0.5], setup="../../../elsewhere", trial="t")
    folder = write(tmp_path / "some" / "run", iter([trial]))
    (folder / "models" / "t").mkdir(parents=True)
    found = report.build([str(folder)], folder / "report")
    assert list(found.advice.models) == ["../../../elsewhere"]
    assert not list(tmp_path.rglob("elsewhere"))


def test_a_model_that_was_not_kept_is_not_told(sweep, tmp_path):
    (sweep / "models" / "w-s-sum-replicate-0-1").rmdir()
    assert "best validation score:" not in _said(sweep, out=tmp_path / "out")


def test_one_model_a_task_is_a_folder_of_folders(made, write, tmp_path):
    trials = [made("sum", seed=seed, valid=[0.5], test=[0.5]) for seed in range(3)]
    trials += [made("single_task", seed=seed, valid=[0.9], test=[0.9], role="reference") for seed in range(3)]
    folder = write(tmp_path, iter(trials))
    (folder / "models" / "w-s-single_task-replicate-0-0").mkdir(parents=True)
    said = _said(folder, out=tmp_path / "out")
    assert "A folder a task, its models with the best validation score: `" in said


def test_trials_of_the_same_name_have_the_model_of_their_own_sweep(made, write, tmp_path):
    folders = []
    for name in ("v", "w"):
        (trial,) = (made("sum", seed=1, test=[0.5], sweep=name, trial="same"),)
        folders.append(write(tmp_path / name, iter([trial])))
        (folders[-1] / "models" / "same").mkdir(parents=True)
    results = list(map(str, folders))
    found = model_to_take.find(results, load.read(results))
    assert found == {(name, "same"): f"{tmp_path}/{name}/models/same" for name in ("v", "w")}


def test_records_without_their_sweep_have_no_models(sweep):
    results = [str(path) for path in (sweep / "records").iterdir()]
    assert model_to_take.find(results, load.read(results)) == {}
