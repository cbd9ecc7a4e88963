"""Runs on tasks whose rows have texts and columns: a label that needs both is learnt from both, by whoever trains."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

from ray_mtlkd import setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.data.features import pieces_of
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.hf.encoder import PretrainedEncoder
from ray_mtlkd.models.encoders.mixed import MixedEncoder
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.models.encoders.pretrained import held
from ray_mtlkd.predict.model_folder import Origin, load, save
from ray_mtlkd.predict.predictions import outputs_of
from ray_mtlkd.setups.files import MemorySource
from ray_mtlkd.setups.manifest_reader import parse_manifest
from ray_mtlkd.setups.tables import read_setup
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep.held_states import StateTables
from ray_mtlkd.sweep.relabel.teacher import Predictor, TeacherMessage
from ray_mtlkd.training.evaluation.evaluate import metrics_of, predict_all
from ray_mtlkd.training.settings import Distillation, Optimization
from ray_mtlkd.training.step.trainer import Trainer
from tests.interrupted import Killed, run, untimed
from tests.pretrained import POSITIONS
from tests.pretrained import save as save_encoder

ORIGIN = Origin(sweep="s", setup="shop", trial="t", strategy="sum", stage="replicate", seed=1, step=1, score=0.5)
SMALL = Mlp(hidden=(8, 8), bins=4)
MIXED = MixedEncoder(text=BagOfNgrams(hidden=(8,), buckets=200, dropout=0.0), columns=SMALL, join=16, dropout=0.0)
COLUMNS = {"numeric": ["x"], "categorical": ["shop"]}
TASKS = {
    "reviews": {"kind": "binary", "text": ["text"], "columns": COLUMNS, "label": "both", "metric": "accuracy"},
    "topics": {"kind": "binary", "text": ["text"], "label": "red", "metric": "accuracy"},
    "price": {"kind": "regression", "columns": COLUMNS, "label": "y", "metric": "r2"},
}
WORDS = ("red", "blue", "soft", "hard", "late")


def table(rows, seed):
    """Whether a review is good follows from its word and from the sign of x together, from neither alone."""
    rng = np.random.default_rng(seed)
    good, x = rng.integers(0, 2, rows), rng.normal(size=rows)
    texts = [" ".join([*rng.choice(WORDS, 2), "fine" if each else "poor"]) for each in good]
    return pa.table(
        {
            "text": texts,
            "x": x,
            "shop": rng.choice(["a", "b"], rows),
            "both": ((x > 0) ^ (good == 1)).astype(int),
            "red": [int("red" in text) for text in texts],
            "y": 2 * x + 0.1 * rng.normal(size=rows),
        }
    )


def read(tasks):
    splits = {split: table(rows, at) for at, (split, rows) in enumerate((("train", 300), ("valid", 80), ("test", 80)))}
    specs = {name: {"data": "d", **spec} for name, spec in tasks.items()}
    return read_setup(parse_manifest({"name": "shop", "tasks": specs}, where="m"), MemorySource("shop", {"d": splits}))


@pytest.fixture(scope="module")
def featurised():
    """The three tasks' tables, and their featurisers."""
    tables, packed = setups.featurise_and_pack(read(TASKS), MIXED.features)
    return as_tensors(tables), packed


@pytest.fixture
def make(featurised, job):
    """A job on these tasks."""

    def made(strategy="sum", *, of=featurised[0], encoder=MIXED, **settings):
        training = Optimization(**{"steps": 12, "batch_size": 32, "eval_every": 3, "lr": 2e-2, **settings})
        return job(strategy, encoder=encoder, of=of, kd=Distillation(every=1, kd_weight=0.5), training=training)

    return made


def accuracy(make, tables, encoder):
    trainer = Trainer(make(of=tables, encoder=encoder))
    for _ in range(70):
        trainer.step(range(len(tables.tasks)), soft={}, share=0.5)
    return metrics_of(trainer.model, tables, "test", [0])[0]


def test_a_label_that_needs_text_and_columns_is_learnt_from_both_and_from_neither_alone(make, featurised):
    assert accuracy(make, featurised[0], MIXED) > 0.9
    for form, encoder in (("text", MIXED.text), ("columns", SMALL)):
        alone = {key: value for key, value in TASKS["reviews"].items() if key not in {"text", "columns"} or key == form}
        tables = as_tensors(setups.featurise(read({"reviews": alone}), encoder.features))
        assert accuracy(make, tables, encoder) < 0.7, form


@pytest.mark.parametrize("strategy", ["pcgrad", "joint_kd", "single_task"])
def test_a_killed_run_resumes_bit_for_bit(make, inline, tmp_path, strategy):
    given = make(strategy, steps=21)
    expected = run(given, inline, tmp_path / "whole")
    assert any(task.relabelled_where for task in expected.tasks) == (strategy == "joint_kd")
    with pytest.raises(Killed):
        run(given, inline, tmp_path / "parts", stop_after=6)
    assert untimed(run(given, inline, tmp_path / "parts")) == untimed(expected)


def test_a_kept_model_predicts_rows_of_a_table_with_both(featurised, make, inline, tmp_path):
    chosen = []
    storage = Storage.at(str(tmp_path / "kept"))

    def keep(found):
        save(storage, found, featurisers=featurised[1], origin=ORIGIN)
        chosen.extend(predict_all(found.model, at, part.test) for at, part in enumerate(found.job.tables.tasks))

    run(make(steps=3), inline, tmp_path / "run", keep=keep)
    kept = load(storage)
    for name, expected in zip(TASKS, chosen, strict=True):
        assert torch.equal(outputs_of(kept, name, table(80, 2), where="new.parquet").values, expected)
    (one,) = outputs_of(kept, "reviews", table(80, 2).slice(5, 1), where="new.parquet").values
    torch.testing.assert_close(one, chosen[0][5], rtol=1e-5, atol=1e-5)


def test_a_teacher_predicts_in_another_process_what_it_predicts_here(featurised, make):
    trainer = Trainer(make("joint_kd"))
    trainer.step([0, 1, 2], soft={}, share=0.5)
    parameters = {key: tensor.numpy() for key, tensor in trainer.model.state_dict().items()}
    built_for = tuple((part.task, part.layout) for part in featurised[0].tasks)
    tables = setups.featurise(read(TASKS), MIXED.features)
    architecture = make().configuration.architecture
    for at, part in enumerate(featurised[0].tasks):
        message = TeacherMessage(architecture=architecture, tasks=built_for, index=at, parameters=parameters)
        found = Predictor(message, tables, device="cpu").predict(range(len(part.train)))
        assert torch.equal(torch.from_numpy(found), predict_all(trainer.model, at, part.train))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("bert")
    save_encoder(path)
    return path


def test_what_was_cut_of_texts_is_told_by_the_key_that_cuts(folder, refused):
    text = PretrainedEncoder(path=str(folder), max_length=3)
    made = setups.featurise(read(TASKS), replace(MIXED, text=text).features)
    assert made.warnings
    assert all("encoder.text.max_length" in said for said in made.warnings)
    with refused():
        setups.featurise(read(TASKS), replace(MIXED, text=replace(text, max_length=POSITIONS + 1)).features)


@pytest.mark.parametrize("trained", ["all", "top-1", "none"])
def test_a_pretrained_encoder_reads_the_texts_beside_columns(folder, make, inline, tmp_path, trained):
    text = PretrainedEncoder(path=str(folder), max_length=8, train=trained, encoder_lr=0.5, states="float32")
    encoder = replace(MIXED, text=replace(text, dropout=0.0))
    made, packed = setups.featurise_and_pack(read(TASKS), pieces_of(encoder.features))
    states, pending = StateTables(most_bytes=1e9).plan(made, Architecture(encoder=encoder))
    assert (pending is None) == (trained == "all")
    states = states if pending is None else pending.put(states)
    found = []
    for tables in (made, states):
        given = make(of=as_tensors(tables), encoder=encoder, steps=2, eval_every=1)
        trainer = Trainer(given)
        report = trainer.step([0, 1, 2], soft={}, share=0.5)
        found.append((*report.losses, *metrics_of(trainer.model, given.tables, "test", [0, 1, 2])))
    assert found[0] == pytest.approx(found[1], rel=1e-4)
    assert states.tasks[2].train.inputs is made.tasks[2].train.inputs, "no texts, no states"
    storage, chosen = Storage.at(str(tmp_path / "kept")), []

    def keep(best):
        save(storage, best, featurisers=packed, origin=ORIGIN)
        chosen.append(predict_all(best.model, 0, best.job.tables.tasks[0].test))

    run(given, inline, tmp_path / "run", keep=keep)
    said = outputs_of(load(storage), "reviews", table(80, 2), where="new.parquet").values
    torch.testing.assert_close(said, chosen[0], rtol=1e-4, atol=1e-4)


def test_a_setup_without_texts_has_no_states_and_trains_without_the_pretrained_encoder(folder, make):
    text = PretrainedEncoder(path=str(folder), max_length=8, train="none")
    encoder = replace(MIXED, text=text)
    tables = setups.featurise(read({"price": TASKS["price"]}), pieces_of(encoder.features))
    assert StateTables(most_bytes=1e9).plan(tables, Architecture(encoder=encoder)) == (tables, None)
    trainer = Trainer(make(of=as_tensors(tables), encoder=encoder))
    trainer.step([0], soft={}, share=0.5)
    assert not held(trainer.model)
