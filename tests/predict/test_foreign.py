"""Teachers from elsewhere say of a train table what they would say of it as a data set."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.special import expit, log_softmax, softmax

from ray_mtlkd import setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.predict.dataset.labelling import plan
from ray_mtlkd.predict.dataset.labels import Settings
from ray_mtlkd.predict.foreign import given_labels
from ray_mtlkd.predict.model_folder import load
from ray_mtlkd.storage import Storage
from ray_mtlkd.training.evaluation.evaluate import metrics_of
from tests.keeping import keep_diverse, relabel_alone, write_data_set

TASKS = ("churn", "segment", "interests", "spend", "events")


@pytest.fixture(scope="module")
def diverse(tmp_path_factory):
    return keep_diverse(tmp_path_factory.mktemp("kept") / "diverse")


@pytest.fixture(scope="module")
def teach():
    """What a folder says of a task of the setup."""
    raw = setups.read("diverse", data_dir=None)
    tables = setups.featurise(raw, Mlp().features)
    validated = {task.task.name: task for task in raw.tasks}
    featurised = {table.task.name: table for table in tables.tasks}

    def ask(name, folder):
        return given_labels(str(folder), validated[name], featurised[name])

    ask.rows = {name: task.splits["train"].inputs for name, task in validated.items()}
    ask.tables = tables
    return ask


@pytest.fixture(scope="module")
def by_model(diverse, teach):
    return {name: teach(name, diverse.uri) for name in TASKS}


@pytest.mark.parametrize("name", TASKS)
def test_a_kept_model_says_what_it_predicts_and_what_it_reaches_on_validation(diverse, teach, by_model, name):
    given = by_model[name]
    assert given.source == diverse.uri
    np.testing.assert_allclose(given.outputs, diverse.predicted(name, teach.rows[name]), rtol=1e-5, atol=1e-6)
    kept, tables = load(Storage.at(diverse.uri)), as_tensors(teach.tables)
    at = kept.index(name)
    assert given.value == pytest.approx(metrics_of(kept.model, tables, "valid", [at])[0])


@pytest.mark.parametrize(("values", "dtype"), [("logits", "float32"), ("probabilities", "float16")])
@pytest.mark.parametrize("name", ["churn", "segment", "interests", "events"])
def test_what_relabel_has_written_says_the_same_as_its_model(tmp_path, diverse, teach, by_model, name, values, dtype):
    folder = write_data_set(tmp_path / "data", teach.rows[name], [len(teach.rows[name])])
    settings = Settings(task=name, values=values, dtype=dtype)
    work = plan(model=diverse.uri, data=str(folder), out=str(tmp_path / "out"), settings=settings)
    relabel_alone(work)
    given, expected = teach(name, tmp_path / "out"), by_model[name].outputs
    assert given.value is None
    if values == "logits":
        np.testing.assert_allclose(given.outputs, expected, rtol=1e-5, atol=1e-6)
        return
    exclusive = name in {"segment", "events"}
    said, answer = (softmax(each, axis=1) if exclusive else expit(each) for each in (given.outputs, expected))
    np.testing.assert_allclose(said, answer, atol=1e-3)  # of half precision


def _write(folder, **columns):
    folder.mkdir()
    pq.write_table(pa.table(columns), folder / "soft.parquet")
    return folder


def _lists(values):
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])


def test_rows_are_found_by_their_number(tmp_path, teach, by_model):
    expected = by_model["segment"].outputs
    order = np.random.default_rng(0).permutation(len(expected))
    folder = _write(tmp_path / "soft", row=order, logits=_lists(expected[order]))
    np.testing.assert_array_equal(teach("segment", folder).outputs, expected)


def test_of_the_likeliest_classes_the_others_have_no_probability(tmp_path, teach, by_model):
    expected = by_model["segment"].outputs
    places = np.argsort(-expected, axis=1)[:, :2]
    kept = np.take_along_axis(expected, places, axis=1)
    given = teach("segment", _write(tmp_path / "soft", classes=_lists(places), logits=_lists(kept))).outputs
    np.testing.assert_array_equal(np.take_along_axis(given, places, axis=1), kept)
    assert (np.isneginf(given).sum(axis=1) == expected.shape[1] - 2).all()


def test_numbers_may_be_in_the_unit_of_the_labels(tmp_path, teach, by_model):
    expected = by_model["spend"].outputs
    (task,) = [table.task for table in teach.tables.tasks if table.task.name == "spend"]
    folder = _write(tmp_path / "soft", numbers=expected.astype(float) * task.scale + task.center)
    np.testing.assert_allclose(teach("spend", folder).outputs, expected, atol=1e-5)


def test_probabilities_of_zero_are_kept(tmp_path, teach, by_model):
    sure = np.eye(by_model["segment"].outputs.shape[1])[by_model["segment"].outputs.argmax(1)]
    given = teach("segment", _write(tmp_path / "soft", probabilities=_lists(sure))).outputs
    np.testing.assert_array_equal(np.exp(log_softmax(given, axis=1)), sure)


WRONG = {
    "nothing": ("segment", lambda good: {"other": good["row"]}),
    "two sorts": ("segment", lambda good: {"logits": good["logits"], "probabilities": good["logits"]}),
    "too few rows": ("segment", lambda good: {"logits": good["logits"][:-1]}),
    "a row twice": ("segment", lambda good: {**good, "row": np.where(good["row"] == 1, 0, good["row"])}),
    "a row by name": ("segment", lambda good: {**good, "row": [str(row) for row in good["row"]]}),
    "not finite": ("churn", lambda good: {"logits": np.where(good["row"] == 3, np.nan, good["logits"])}),
    "no probability": ("churn", lambda good: {"probabilities": good["logits"] + 2}),
    "not all in all": ("segment", lambda good: {"probabilities": _lists(np.full((len(good["row"]), WIDTH), 0.5))}),
    "other width": ("segment", lambda good: {"logits": _lists(np.zeros((len(good["row"]), WIDTH + 1)))}),
    "no lists": ("segment", lambda good: {"logits": good["row"]}),
    "no class": ("segment", lambda good: {**good, "classes": _lists(np.full((len(good["row"]), WIDTH), WIDTH))}),
    "a class twice": ("segment", lambda good: {**good, "classes": _lists(np.zeros((len(good["row"]), WIDTH)))}),
    "of none": (
        "segment",
        lambda good: {
            "probabilities": _lists(np.zeros((len(good["row"]), 2))),
            "classes": _lists(np.tile([0, 1], (len(good["row"]), 1))),
        },
    ),
    "some of several": ("interests", lambda good: {**good, "classes": good["logits"]}),
    "other tokens": ("events", lambda good: {"logits": pa.array([[[0.0] * TAGS]] * len(good["row"]))}),
    "numbers of classes": ("segment", lambda good: {"numbers": good["logits"]}),
    "probabilities of numbers": ("spend", lambda good: {"probabilities": good["logits"]}),
}


@pytest.fixture(scope="module", autouse=True)
def _widths(by_model):
    global WIDTH, TAGS
    WIDTH, TAGS = by_model["segment"].outputs.shape[1], by_model["events"].outputs.shape[1]


@pytest.mark.parametrize("how", WRONG)
def test_what_does_not_fit_is_refused(tmp_path, teach, by_model, refused, how):
    name, change = WRONG[how]
    outputs = by_model[name].outputs
    good = {"row": np.arange(len(teach.rows[name])), "logits": _lists(outputs) if outputs.ndim == 2 else outputs}
    folder = _write(tmp_path / "soft", **change(good))
    with refused():
        teach(name, folder)


def test_a_folder_without_either_and_a_teacher_of_another_task_are_refused(tmp_path, diverse, teach, refused):
    (tmp_path / "empty").mkdir()
    with refused():
        teach("segment", tmp_path / "empty")
    described = {"ray_mtlkd": '{"classes": ["a", "b"], "kind": "multiclass"}'}
    folder = _write(tmp_path / "other", logits=pa.array([0.0]))
    pq.write_table(pa.table({"logits": [0.0]}).replace_schema_metadata(described), folder / "soft.parquet")
    with refused():
        teach("segment", folder)
