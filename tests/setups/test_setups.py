from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from ray_mtlkd import setups
from ray_mtlkd.data.features import BagFeatures, DenseFeatures, TokenFeatures
from ray_mtlkd.errors import MtlkdError


@pytest.fixture(scope="module")
def commerce(public_data):
    """Its tables, featurised."""
    raw = setups.read("commerce", data_dir=public_data("commerce"))
    return setups.featurise(raw, TokenFeatures())


@pytest.fixture(scope="module")
def intents(public_data):
    """Its tables, as they were read."""
    return setups.read("intents", data_dir=public_data("intents"))


def test_names_are_the_built_in_and_the_public_setups():
    assert setups.names() == ("similar", "diverse", "census", "commerce", "intents", "intents_small")


def test_an_unknown_name_lists_the_valid_ones(refused):
    with refused() as caught:
        setups.read("intent", data_dir=None)
    assert "census, commerce, diverse, intents, intents_small, similar" in caught.value.fix


def test_a_missing_manifest_is_named(refused):
    with refused():
        setups.read("nowhere/shop.yaml", data_dir=None)


def test_a_task_that_stands_twice_is_refused(tmp_path: Path, refused):
    path = tmp_path / "shop.yaml"
    path.write_text("name: shop\ntasks:\n  mail: {}\n  mail: {}\n")
    with refused() as caught:
        setups.locate(str(path), data_dir=None)
    assert caught.value.where == f"{path}:4"


def test_a_manifest_may_name_the_folder_of_its_tables_as_seen_from_its_own(files, tmp_path: Path, monkeypatch):
    files.write()
    own = tmp_path / "deep" / "shop.yaml"
    own.parent.mkdir()
    own.write_text(f"{files.manifest.read_text()}folder: ..\n")
    monkeypatch.chdir(own.parent)
    for path in ("shop.yaml", str(own)):
        assert len(setups.read(path, data_dir=None).tasks) == 1


@pytest.mark.parametrize("name", ["census", "commerce", "intents"])
def test_missing_public_tables_say_where_to_get_them(name, tmp_path: Path):
    for data_dir in (None, tmp_path):
        with pytest.raises(MtlkdError) as caught:
            setups.read(name, data_dir=data_dir)
        assert f"{name}/" in caught.value.fix
        assert "https://github.com/" in caught.value.fix


def test_tables_beside_a_manifest_are_found_also_where_a_data_folder_is_given(files, tmp_path: Path):
    files.write()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert len(setups.read(str(files.manifest), data_dir=elsewhere).tasks) == 1


def test_the_data_folder_goes_before_the_manifest_folder(files, tmp_path: Path):
    files.write()
    moved = tmp_path / "data" / "shop" / "mail"
    moved.mkdir(parents=True)
    for split in files.tables:
        (moved / f"{split}.parquet").write_bytes(files.path(split).read_bytes())
    files.path("train").unlink()
    assert len(setups.read(str(files.manifest), data_dir=tmp_path / "data").tasks) == 1


def test_intents_are_read_and_featurised(intents):
    assert {task.task.name: len(task.task.classes) for task in intents.tasks} == {
        "atis": 21,
        "snips": 7,
        "banking77": 77,
        "clinc150": 150,
        "hwu64": 64,
    }
    assert len(intents.warnings) == 1
    assert "tasks.atis: 6 rows have a label that train never shows (1 in valid, 5 in test)" in intents.warnings[0]
    atis = setups.featurise(intents, BagFeatures()).tasks[0]
    assert (atis.valid.labels == -1).sum() == 1
    assert (atis.test.labels == -1).sum() == 5
    assert atis.trivial_test == pytest.approx(632 / 893)


def test_a_setup_of_the_catalogue_may_name_another_one_s_folder(tmp_path: Path):
    (tmp_path / "intents" / "snips").mkdir(parents=True)
    assert setups.locate("intents_small", data_dir=tmp_path).folder == tmp_path / "intents"
    with pytest.raises(MtlkdError) as caught:
        setups.read("intents_small", data_dir=None)
    assert "holds intents/ with --data-dir" in caught.value.fix


def test_small_intents_are_fixed_draws_of_the_same_tables(public_data, intents):
    few = setups.read("intents_small", data_dir=public_data("intents"))
    small, whole = ({task.task.name: task for task in setup.tasks} for setup in (few, intents))
    assert {name: len(task.splits["train"].labels) for name, task in small.items()} == {
        "snips": 300,
        "atis": 600,
        "hwu64": 1500,
        "banking77": 4000,
        "clinc150": 15000,
    }
    for name, task in small.items():
        for split in ("valid", "test"):
            assert task.splits[split].inputs == whole[name].splits[split].inputs


def test_commerce_is_read_and_featurised(commerce):
    kinds = [task.task.kind for task in commerce.tasks]
    assert kinds == ["binary", "multiclass", "multilabel", "regression", "tagging"]
    match, category, emotions, rating, aspects = commerce.tasks
    assert match.train.labels.sum() == 576
    assert len(category.train) == 21645
    assert emotions.train.labels.shape == (43410, 28)
    assert rating.task.center == pytest.approx(float(np.mean(rating.train.labels)), abs=1e-4)
    assert aspects.task.classes == ("O", "B-ASP", "I-ASP")


def test_census_is_read_and_featurised_once_for_all_tasks(public_data):
    tables = setups.featurise(setups.read("census", data_dir=public_data("census")), DenseFeatures())
    assert tables.shares_rows
    assert tables.warnings == ()
    first = tables.tasks[0]
    for task in tables.tasks:
        assert (len(task.train), len(task.valid), len(task.test)) == (199523, 49899, 49863)
        assert task.train.inputs is first.train.inputs
        assert task.layout == first.layout
    trivial = {"income": 0.5, "never_married": 0.5, "college": 0.5, "weeks_worked": 0, "class_worker": 24932 / 49863}
    assert {task.task.name: task.trivial_test for task in tables.tasks} == pytest.approx(trivial, abs=1e-4)
    assert first.train.inputs.values.shape == (199523, 6)
    assert first.train.inputs.codes.shape == (199523, 30)


def test_census_reads_no_column_that_gives_a_label_away():
    tasks = setups.locate("census", data_dir=None).manifest.tasks
    assert len({spec.input_columns for spec in tasks.values()}) == 1
    read = set(tasks["income"].input_columns)
    assert len(read) == 36
    assert not {"income_50k", "marital_stat", "education", "weeks_worked", "class_worker", "instance_weight"} & read
    assert not {spec.label for spec in tasks.values()} & read


def test_overlap_alone_matches_products(commerce):
    """A linear model of the overlap features reaches an F1 of .65: matching is not left to the encoder."""
    match = commerce.tasks[0]
    probe = LogisticRegression(max_iter=300).fit(match.train.inputs.overlap, match.train.labels)
    assert f1_score(match.test.labels, probe.predict(match.test.inputs.overlap)) > 0.65
