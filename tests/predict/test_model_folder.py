"""A kept model is complete by itself, whole or not there, and says what is wrong with it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from ray_mtlkd import setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.predict.model_folder import Origin, load, load_model, save
from ray_mtlkd.seals import sealed_json
from ray_mtlkd.storage import Storage
from ray_mtlkd.strategies import decode_strategy
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.evaluation.evaluate import predict_all
from ray_mtlkd.training.job import Chosen, Job
from ray_mtlkd.training.run import train
from ray_mtlkd.training.settings import Optimization
from tests.sharings import EVERY, Decay, Mixture

ORIGIN = Origin(
    sweep="s", setup="diverse", trial="t", strategy="sum", stage="replicate", seed=1, step=20, score=0.1 + 0.2
)
ENCODER = Mlp(hidden=(8,), dropout=0.5)


@pytest.fixture(scope="module")
def featurised():
    """The setup of five kinds, and its featurisers."""
    tables, packed = setups.featurise_and_pack(setups.read("diverse", data_dir=None), ENCODER.features)
    return as_tensors(tables), packed


def _job(tables, strategy="sum", encoder=ENCODER):
    training = Optimization(steps=4, batch_size=8, eval_every=2)
    strategy = decode_strategy(strategy, where="strategy")
    return Job(
        tables=tables,
        configuration=Configuration(strategy=strategy, architecture=Architecture(encoder=encoder), training=training),
        seed=1,
    )


@pytest.fixture(scope="module")
def chosen(featurised):
    job = _job(featurised[0])
    torch.manual_seed(3)
    model = build(Architecture(encoder=ENCODER), [(table.task, table.layout) for table in job.tables.tasks]).eval()
    return Chosen(job=job, model=model, step=20, score=ORIGIN.score)


@pytest.fixture(params=["local", "remote"])
def storage(request, tmp_path):
    if request.param == "local":
        return Storage.at(str(tmp_path / "models" / "t"))
    return Storage("fake://bucket/models/t", SubTreeFileSystem(str(tmp_path), LocalFileSystem()), "models/t")


@pytest.fixture
def kept(chosen, featurised, tmp_path):
    """The folder of a model."""
    save(Storage.at(str(tmp_path / "kept")), chosen, featurisers=featurised[1], origin=ORIGIN)
    return tmp_path / "kept"


def test_a_model_whose_parts_others_wrote_comes_back_by_where_they_are(featurised, tmp_path):
    architecture = Architecture(encoder=ENCODER, sharing=Mixture(experts=3), regularizers=(Decay(strength=0.5),))
    given = _job(featurised[0])
    job = replace(given, configuration=replace(given.configuration, architecture=architecture))
    model = build(architecture, [(table.task, table.layout) for table in job.tables.tasks]).eval()
    storage = Storage.at(str(tmp_path))
    save(storage, Chosen(job=job, model=model, step=1, score=0.5), featurisers=featurised[1], origin=ORIGIN)
    found = load(storage)
    assert len(found.model.experts) == 3
    for at, table in enumerate(job.tables.tasks):
        assert torch.equal(predict_all(found.model, at, table.test), predict_all(model, at, table.test))
    head = json.loads((tmp_path / "model.json").read_bytes())["architecture"]
    assert head["sharing"] == {"name": "tests.sharings:Mixture", "experts": 3}
    assert head["regularizers"] == [{"name": "tests.sharings:Decay", "strength": 0.5}]


@pytest.mark.parametrize("sharing", EVERY)
def test_a_model_comes_back_whatever_its_tasks_share(featurised, tmp_path, sharing):
    architecture = Architecture(encoder=ENCODER, sharing=EVERY[sharing])
    given = _job(featurised[0])
    job = replace(given, configuration=replace(given.configuration, architecture=architecture))
    torch.manual_seed(3)
    model = build(architecture, [(table.task, table.layout) for table in job.tables.tasks]).eval()
    save(
        Storage.at(str(tmp_path)),
        Chosen(job=job, model=model, step=1, score=0.5),
        featurisers=featurised[1],
        origin=ORIGIN,
    )
    found = load(Storage.at(str(tmp_path))).model
    for at, table in enumerate(job.tables.tasks):
        assert torch.equal(predict_all(found, at, table.test), predict_all(model, at, table.test))


def test_a_model_comes_back_with_its_tasks_its_origin_and_the_very_same_predictions(storage, chosen, featurised):
    save(storage, chosen, featurisers=featurised[1], origin=ORIGIN)
    found = load(storage)
    assert found.origin == ORIGIN
    assert found.tasks == tuple(table.task for table in chosen.job.tables.tasks)
    assert not found.model.training
    for index, table in enumerate(chosen.job.tables.tasks):
        assert torch.equal(predict_all(found.model, index, table.test), predict_all(chosen.model, index, table.test))


def test_columns_of_a_table_go_in(kept, featurised):
    raw = setups.read("diverse", data_dir=None)
    found = load(Storage.at(str(kept)))
    for task, table in zip(raw.tasks, featurised[0].tasks, strict=True):
        featuriser = found.featurisers[task.task.name]
        checked = setups.check_inputs(task.splits["test"].inputs, featuriser.rules, where="test").columns
        np.testing.assert_array_equal(featuriser.transform(checked).values, table.test.inputs.values)
        assert featuriser.layout == table.layout


def test_the_same_model_is_the_same_bytes_and_another_one_has_another_teacher(kept, chosen, featurised, tmp_path):
    again = tmp_path / "again"
    save(Storage.at(str(again)), chosen, featurisers=featurised[1], origin=ORIGIN)
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == {
        path.name: path.read_bytes() for path in again.iterdir()
    }
    torch.manual_seed(4)
    model = build(Architecture(encoder=ENCODER), [(table.task, table.layout) for table in chosen.job.tables.tasks])
    save(Storage.at(str(again)), replace(chosen, model=model), featurisers=featurised[1], origin=ORIGIN)
    first, second = load(Storage.at(str(kept))), load(Storage.at(str(again)))
    assert first.teacher != second.teacher
    assert len(second.teacher) == 64


def test_parameters_are_plain_safetensors_in_single_precision(kept):
    tensors = safetensors.torch.load_file(kept / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()} == {torch.float32}


def test_a_model_whose_writer_died_before_the_head_is_not_there(kept, refused):
    (kept / "model.json").unlink()
    with refused():
        load(Storage.at(str(kept)))


def test_a_writer_that_dies_while_it_writes_again_leaves_no_head_of_the_old_model(
    kept, chosen, featurised, monkeypatch
):
    def die(self, name, data):
        raise OSError(name)

    monkeypatch.setattr(Storage, "write", die)
    with pytest.raises(OSError, match=r"model\.safetensors"):
        save(Storage.at(str(kept)), chosen, featurisers=featurised[1], origin=ORIGIN)
    assert not (kept / "model.json").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "features.safetensors"])
def test_a_file_with_another_content_or_none_is_named(kept, name, refused):
    content = bytearray((kept / name).read_bytes())
    content[-3] ^= 1
    (kept / name).write_bytes(content)
    with refused():
        load(Storage.at(str(kept)))
    (kept / name).unlink()
    with refused():
        load(Storage.at(str(kept)))


@pytest.mark.parametrize("broken", ["{", "{}", '{"teacher": 1}'])
def test_a_head_that_is_none_is_named(kept, broken):
    (kept / "model.json").write_text(broken)
    with pytest.raises(MtlkdError) as caught:
        load(Storage.at(str(kept)))
    assert caught.value.where == str(kept / "model.json")


def test_a_head_that_was_edited_is_refused(kept, refused):
    head = json.loads((kept / "model.json").read_text())
    head["tasks"][0]["task"]["classes"] = ["yes", "no"]
    (kept / "model.json").write_text(json.dumps(head))
    with refused():
        load(Storage.at(str(kept)))


def test_a_folder_of_one_model_a_task_names_them(kept, refused):
    with refused():
        load(Storage.at(str(kept.parent)))


def test_of_a_folder_of_one_model_a_task_the_task_s_is_taken(chosen, featurised, tmp_path):
    for name in ("first", "second"):
        save(Storage.at(str(tmp_path / name)), chosen, featurisers=featurised[1], origin=ORIGIN)
    assert load_model(tmp_path, task="second").uri == str(tmp_path / "second")
    assert load_model(tmp_path / "first", task="second").uri == str(tmp_path / "first")


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_file_that_names_a_model_to_take_stands_for_it(chosen, featurised, tmp_path, scheme, refused):
    models = tmp_path / "models"
    save(Storage.at(str(models / "t-1")), chosen, featurisers=featurised[1], origin=ORIGIN)
    Storage.at(str(models / "best")).write("people", sealed_json('{"model": "t-1"}'))
    assert load_model(f"{scheme}{models}/best/people").uri == f"{scheme}{models}/t-1"
    with refused():
        load_model(f"{models}/best")
    with refused():
        load_model(f"{models}/best/shop")


def test_an_unknown_task_lists_those_that_the_model_knows(kept, refused):
    found = load(Storage.at(str(kept)))
    with refused() as caught:
        found.index("chrun")
    assert caught.value.fix.endswith("churn, events, interests, segment, spend")
    assert found.tasks[found.index("spend")].name == "spend"


def _kept_by(job):
    kept = []

    def keep(chosen):
        parameters = {key: tensor.clone() for key, tensor in chosen.model.state_dict().items()}
        kept.append((replace(chosen, model=None), parameters))

    return kept, keep


def _train(job, folder, keep):
    return train(
        job,
        relabel=lambda request: pytest.fail(request.task),
        report=lambda evaluation: None,
        storage=Storage.at(str(folder)),
        checkpoint_every_s=60.0,
        keep=keep,
    )


def test_a_run_keeps_the_checkpoint_that_it_is_measured_at(featurised, tmp_path):
    job = _job(featurised[0])
    kept, keep = _kept_by(job)
    outcome = _train(job, tmp_path, keep)
    ((chosen, parameters),) = kept
    assert (chosen.step, chosen.score, chosen.own) == (outcome.tasks[0].checkpoint_step, outcome.end.score, None)
    model = build(Architecture(encoder=ENCODER), [(table.task, table.layout) for table in job.tables.tasks])
    model.load_state_dict(parameters)
    table = job.tables.tasks[1]  # multiclass, by accuracy
    right = predict_all(model, 1, table.test).argmax(1) == table.test.labels
    assert right.double().mean().item() == pytest.approx(outcome.tasks[1].test)


def test_where_every_task_has_its_own_model_each_of_them_is_kept(featurised, tmp_path):
    job = _job(featurised[0], "single_task")
    kept, keep = _kept_by(job)
    outcome = _train(job, tmp_path, keep)
    assert [chosen.own for chosen, _ in kept] == [table.task.name for table in job.tables.tasks]
    assert [chosen.step for chosen, _ in kept] == [task.checkpoint_step for task in outcome.tasks]
    assert [len(chosen.job.tables.tasks) for chosen, _ in kept] == [1] * 5
