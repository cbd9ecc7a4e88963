"""Runs on a pretrained encoder: what stays as it is is nowhere but in the weights, and models outlive its folder."""

import shutil
from dataclasses import replace

import pytest
import safetensors.torch
import torch

from ray_mtlkd import setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.data.features import pieces_of
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders.hf.encoder import Lora, PretrainedEncoder
from ray_mtlkd.models.encoders.pretrained import held
from ray_mtlkd.models.sharing import HardSharing
from ray_mtlkd.models.sharing.adapters import Adapters
from ray_mtlkd.models.sharing.cross_stitch import CrossStitch
from ray_mtlkd.predict.model_folder import Origin, load, save
from ray_mtlkd.setups.files import MemorySource
from ray_mtlkd.setups.manifest_reader import parse_manifest
from ray_mtlkd.setups.tables import read_setup
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep.held_states import StateTables
from ray_mtlkd.sweep.relabel.teacher import Predictor, TeacherMessage
from ray_mtlkd.training.evaluation.evaluate import metrics_of, predict_all
from ray_mtlkd.training.settings import Distillation, Optimization
from ray_mtlkd.training.step.pull import Pulls
from ray_mtlkd.training.step.trainer import Trainer
from tests.interrupted import Killed, run, untimed
from tests.keeping import TAG_TASKS, text_setup, text_table
from tests.pretrained import LAYERS
from tests.pretrained import save as save_encoder

ORIGIN = Origin(sweep="s", setup="shop", trial="t", strategy="sum", stage="replicate", seed=1, step=1, score=0.5)
TRAINING = Optimization(steps=6, batch_size=4, eval_every=2, lr=1e-2)
EAGER = Distillation(every=1, kd_weight=0.5)
HARD, LOW_RANK = HardSharing(), Adapters(form="lora", rank=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("bert")
    save_encoder(path)
    return path


@pytest.fixture(scope="module")
def featurised(folder):
    """Three tasks: texts, pairs and words; and their featurisers."""
    features = PretrainedEncoder(path=str(folder), max_length=16).features
    tables, packed = setups.featurise_and_pack(text_setup(TAG_TASKS), features)
    return as_tensors(tables), packed


@pytest.fixture
def make(featurised, job):
    """A job on these tasks."""

    def made(strategy, trained, *, only=None, kd=EAGER, sharing=HARD, **settings):
        encoder = PretrainedEncoder(path="it is not read again", train=trained, max_length=16, encoder_lr=0.5)
        training = replace(TRAINING, **settings)
        given = job(strategy, encoder=encoder, of=featurised[0], only=only, kd=kd, training=training)
        architecture = replace(given.configuration.architecture, sharing=sharing)
        return replace(given, configuration=replace(given.configuration, architecture=architecture))

    return made


@pytest.mark.parametrize(
    ("strategy", "trained", "sharing"),
    [
        ("pcgrad", "none", HARD),
        ("joint_kd", Lora(lora=2), HARD),
        ("gradnorm", "top-1", HARD),
        ("joint_kd", "none", LOW_RANK),
        ("pcgrad", "none", replace(LOW_RANK, form="shared_lora")),
    ],
    ids=str,
)
def test_a_killed_run_resumes_bit_for_bit(make, inline, tmp_path, strategy, trained, sharing):
    given = make(strategy, trained, only=(0, 2), steps=4, eval_every=1, sharing=sharing)
    expected = run(given, inline, tmp_path / "whole")
    with pytest.raises(Killed):
        run(given, inline, tmp_path / "parts", stop_after=3)
    assert untimed(run(given, inline, tmp_path / "parts")) == untimed(expected)


@pytest.mark.parametrize("trained", ["top-1", "none"])
def test_checkpoints_hold_nothing_that_stays(make, inline, tmp_path, trained):
    given = make("sum", trained, ema=0.9)
    with pytest.raises(Killed):
        run(given, inline, tmp_path, stop_after=2)
    trainer = Trainer(given)
    tensors = [tensor for tensor in held(trainer.model).values() if tensor.ndim]
    shapes = {tuple(tensor.shape) for tensor in tensors} - {tuple(p.shape) for p in trainer.model.parameters()}
    assert shapes
    files = list(tmp_path.glob("*.safetensors"))
    assert files
    for file in files:
        assert shapes.isdisjoint(tuple(tensor.shape) for tensor in safetensors.torch.load_file(file).values())


@pytest.mark.parametrize("trained", ["top-1", "none"])
def test_what_stays_is_among_the_parameters_of_a_trial_and_not_among_those_that_train(make, inline, tmp_path, trained):
    given = make("single_task", trained, only=(0, 2), steps=2, eval_every=2)
    models = [Trainer(part).model for part in given.parts]
    trains = sum(p.numel() for model in models for p in model.parameters())
    stays = sum(tensor.numel() for model in models for tensor in held(model).values())
    end = run(given, inline, tmp_path).end
    assert (end.parameters, end.trained_parameters) == (trains + stays, trains)
    assert stays > 0


def test_each_layer_learns_at_its_own_rate(make):
    given = make("sum", "all")
    encoder = replace(given.configuration.architecture.encoder, encoder_lr=0.1, layer_decay=0.5)
    architecture = replace(given.configuration.architecture, encoder=encoder)
    trainer = Trainer(replace(given, configuration=replace(given.configuration, architecture=architecture)))
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
    trainer.step([0, 1, 2], soft={}, share=0.5)
    moved = {}
    for name, p in trainer.model.named_parameters():
        part = name.split(".")[2] if name.startswith("encoder.layers.") else "head"
        moved[part] = max(moved.get(part, 0.0), (p.detach() - before[name]).abs().max().item())
    # the first step of Adam moves each parameter by its rate
    for below in range(LAYERS + 1):
        assert moved[str(LAYERS - below)] == pytest.approx(1e-2 * 0.1 * 0.5**below, rel=1e-2)
    assert moved["head"] == pytest.approx(1e-2, rel=1e-2)


@pytest.mark.parametrize(
    ("trained", "sharing"),
    [("all", HARD), ("top-1", HARD), ("none", LOW_RANK), ("none", Adapters()), ("top-1", CrossStitch())],
    ids=str,
)
def test_a_kept_model_predicts_without_the_encoder_s_folder(featurised, make, inline, tmp_path, trained, sharing):
    chosen = []
    storage = Storage.at(str(tmp_path / "kept"))

    def keep(found):
        save(storage, found, featurisers=featurised[1], origin=ORIGIN)
        chosen.extend(predict_all(found.model, at, table.test) for at, table in enumerate(found.job.tables.tasks))

    given = make("sum", trained, steps=2, eval_every=2, sharing=sharing)
    run(given, inline, tmp_path / "run", keep=keep)
    kept = load(storage)
    for at, table in enumerate(given.tables.tasks):
        assert torch.equal(predict_all(kept.model, at, table.test), chosen[at])
    assert (tmp_path / "kept" / "held.safetensors").exists() == (trained != "all")


@pytest.mark.parametrize(("trained", "sharing"), [("top-1", HARD), ("none", LOW_RANK)], ids=str)
def test_a_teacher_predicts_in_another_process_what_it_predicts_here(
    featurised, make, tmp_path, folder, trained, sharing
):
    copied = tmp_path / "gone"
    shutil.copytree(folder, copied)
    tables = setups.featurise(
        text_setup(TAG_TASKS), replace(PretrainedEncoder(path=str(copied)).features, max_length=16)
    )
    shutil.rmtree(copied)
    given = make("joint_kd", trained, sharing=sharing)
    trainer = Trainer(given)
    for _ in range(2):  # what starts at 0 hides the rest of it from the first step
        trainer.step([0, 1, 2], soft={}, share=0.5)
    parameters = {key: tensor.numpy() for key, tensor in trainer.model.state_dict().items()}
    built_for = tuple((table.task, table.layout) for table in featurised[0].tasks)
    architecture = given.configuration.architecture
    for at, table in enumerate(featurised[0].tasks):
        message = TeacherMessage(architecture=architecture, tasks=built_for, index=at, parameters=parameters)
        found = Predictor(message, tables, device="cpu").predict(range(len(table.train)))
        assert torch.equal(torch.from_numpy(found), predict_all(trainer.model, at, table.train))


@pytest.mark.parametrize(
    ("trained", "sharing"),
    [("top-1", HARD), (Lora(lora=2), HARD), ("none", replace(LOW_RANK, form="shared_lora"))],
    ids=str,
)
def test_what_stays_as_it_is_is_written_to_by_nobody_and_what_is_distilled_is_measured(
    make, inline, tmp_path, monkeypatch, trained, sharing
):
    measured = []
    measure = Pulls.measure
    monkeypatch.setattr(
        Pulls, "measure", lambda *args, **named: measured.append(measure(*args, **named)) or measured[-1]
    )
    auto = replace(EAGER, kd_weight="auto")
    given = make("joint_kd", trained, steps=16, eval_every=1, finish="budget", kd=auto, sharing=sharing)
    weights = given.tables.tasks[0].pretrained
    stays = held(Trainer(given).model)
    assert {id(tensor) for tensor in stays.values()} <= set(map(id, weights.arrays))
    before = [tensor._version for tensor in weights.arrays]
    outcome = run(given, inline, tmp_path)
    assert [tensor._version for tensor in weights.arrays] == before
    assert (outcome.end.status, outcome.end.error) == ("ok", None)
    assert any(task.relabelled_where for task in outcome.tasks)
    assert any(pull.labels > 0 and pull.batches for pull in measured)


SHARED = {
    "name": "one",
    "shared": {"data": "d", "tokens": "words"},
    "tasks": {
        "intent": {"kind": "multiclass", "metric": "accuracy", "label": "label", "missing_labels": "skip"},
        "names": {"kind": "tagging", "metric": "span_f1", "label": "tags"},
    },
}


@pytest.mark.parametrize("trained", ["top-1", "none"])
def test_tasks_that_label_the_rows_of_one_table_share_batches_and_states(folder, job, trained):
    rows = text_table(24).set_column(3, "label", [[None, "0", "1"] * 8])
    source = MemorySource("one", {"d": dict.fromkeys(("train", "valid", "test"), rows)})
    raw = read_setup(parse_manifest(SHARED, where="one.yaml"), source)
    encoder = PretrainedEncoder(path=str(folder), max_length=16, train=trained, states="float32", dropout=0.0)
    pieces = setups.featurise(raw, pieces_of(encoder.features))
    zeros, pending = StateTables(most_bytes=1e9).plan(pieces, Architecture(encoder=encoder))
    states = pending.put(zeros)
    found = []
    for tables in (pieces, states):
        trainer = Trainer(job("sum", encoder=encoder, of=as_tensors(tables), training=TRAINING))
        report = trainer.step([0, 1], soft={}, share=0.5)
        found.append((*report.losses, *metrics_of(trainer.model, as_tensors(tables), "test", [0, 1])))
    assert found[0] == pytest.approx(found[1], rel=1e-4)
    assert states.tasks[0].train.inputs is states.tasks[1].train.inputs


def test_weights_that_do_not_fit_their_configuration_are_refused(make, featurised, refused):
    given = make("sum", "none")
    weights = featurised[0].tasks[0].pretrained
    few = replace(weights, names=weights.names[1:], arrays=weights.arrays[1:], source="there")
    bent = replace(weights, arrays=(torch.zeros(3), *weights.arrays[1:]), source="there")
    for broken in (few, bent):
        tasks = tuple(replace(table, pretrained=broken) for table in given.tables.tasks)
        with refused():
            Trainer(replace(given, tables=replace(given.tables, tasks=tasks)))
