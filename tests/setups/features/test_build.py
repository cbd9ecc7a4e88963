from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ray_mtlkd import setups
from ray_mtlkd.data.features import BagFeatures, DenseFeatures, TokenFeatures
from ray_mtlkd.data.inputs import Pair
from ray_mtlkd.setups.features import build
from ray_mtlkd.setups.files import MemorySource
from ray_mtlkd.setups.manifest_reader import parse_manifest
from ray_mtlkd.setups.tables import read_setup

TEXTS = {
    "train": ["pay now", "hello you", "pay me 12", "hello"],
    "valid": ["pay", "hello zebra"],
    "test": ["pay you", "oh hello"],
}
TASK = {"kind": "multiclass", "data": "d", "text": ["text"], "label": "label", "metric": "accuracy"}


def setup(texts=TEXTS, **spec):
    manifest = parse_manifest({"name": "shop", "tasks": {"intent": {**TASK, **spec}}}, where="shop.yaml")
    tables = {
        split: pa.table(
            {
                "text": rows,
                "other": rows[::-1],
                "words": [row.split() for row in rows],
                "tags": [["O"] + ["B-X"] * (len(row.split()) - 1) for row in rows],
                "label": [at % 2 for at in range(len(rows))],
            }
        )
        for split, rows in texts.items()
    }
    return read_setup(manifest, MemorySource("shop", {"d": tables}))


def arrays(value):
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from arrays(part)
    elif is_dataclass(value):
        for part in fields(value):
            yield from arrays(getattr(value, part.name))


PAIR = {"kind": "binary", "metric": "f1", "text": None, "pair": ["text", "other"]}
TAGGING = {"kind": "tagging", "metric": "span_f1", "text": None, "tokens": "words", "label": "tags"}


@pytest.mark.parametrize("features", [BagFeatures(), TokenFeatures()])
@pytest.mark.parametrize("spec", [{}, PAIR, {"text": ["text", "other"]}, {"text": None, "tokens": "words"}])
def test_every_array_is_contiguous_int64_or_float32(features, spec):
    tables = setups.featurise(setup(**spec), features)
    found = list(arrays(tables))
    assert found
    assert {array.dtype for array in found} <= {np.dtype(np.int64), np.dtype(np.float32)}
    assert all(array.flags.c_contiguous for array in found)
    for split in (tables.tasks[0].train, tables.tasks[0].valid, tables.tasks[0].test):
        assert len(split) == len(split.labels)


@pytest.mark.parametrize("features", [BagFeatures(), TokenFeatures()])
@pytest.mark.parametrize("spec", [{}, PAIR])
def test_other_rows_of_valid_and_test_change_nothing(features, spec):
    one = setups.featurise(setup(**spec), features).tasks[0]
    texts = {**TEXTS, "valid": ["something new", *TEXTS["valid"]], "test": ["zebra pay"] * 3}
    other = setups.featurise(setup(texts, **spec), features).tasks[0]
    for first, second in zip(arrays(one.train), arrays(other.train), strict=True):
        np.testing.assert_array_equal(first, second)
    if spec is PAIR:
        return  # the other side is the reversed column: its rows have new partners
    side, longer = one.valid.inputs, other.valid.inputs
    start = longer.offsets[1]
    np.testing.assert_array_equal(side.ids, longer.ids[start:])
    np.testing.assert_array_equal(side.offsets, longer.offsets[1:] - start)


def test_idf_knows_train_alone():
    texts = {**TEXTS, "valid": ["now now", "now"], "test": ["now", "now"]}
    one = setups.featurise(setup(), BagFeatures()).tasks[0].train.inputs
    other = setups.featurise(setup(texts), BagFeatures()).tasks[0].train.inputs
    np.testing.assert_array_equal(one.weights, other.weights)


def test_a_pair_has_two_sides_and_overlap():
    task = setups.featurise(setup(**PAIR), BagFeatures()).tasks[0]
    assert isinstance(task.train.inputs, Pair)
    assert task.layout.form == "Bag"
    assert task.train.inputs.overlap.shape == (4, task.layout.overlap)


def test_both_sides_of_a_pair_share_one_idf():
    texts = {split: rows[:1] * len(rows) for split, rows in TEXTS.items()}
    inputs = setups.featurise(setup(texts, **PAIR), BagFeatures()).tasks[0].train.inputs
    np.testing.assert_array_equal(inputs.left.weights, inputs.right.weights)


def test_tagging_rows_are_never_cut():
    tables = setups.featurise(setup(**TAGGING), TokenFeatures(max_length=1))
    assert tables.tasks[0].train.inputs.offsets.tolist() == [0, 2, 4, 7, 8]
    assert len(tables.tasks[0].train.labels) == 8


def test_text_rows_are_cut():
    tables = setups.featurise(setup(), TokenFeatures(max_length=1))
    assert tables.tasks[0].train.inputs.offsets.tolist() == [0, 1, 2, 3, 4]


def test_trivial_metrics_are_those_of_the_majority():
    texts = {**TEXTS, "train": [*TEXTS["train"], "pay pay"]}
    task = setups.featurise(setup(texts), BagFeatures()).tasks[0]
    assert (task.trivial_valid, task.trivial_test) == (0.5, 0.5)


@pytest.mark.parametrize(("spec", "features"), [({}, DenseFeatures()), (TAGGING, BagFeatures())], ids=["text", "words"])
def test_inputs_that_an_encoder_cannot_read_are_refused(spec, features, refused):
    with refused():
        setups.featurise(setup(**spec), features)


def test_the_same_tables_have_the_same_fingerprint():
    assert setups.featurise(setup(), BagFeatures()).fingerprint == setups.featurise(setup(), BagFeatures()).fingerprint


@pytest.mark.parametrize(
    "other",
    [
        lambda: setups.featurise(setup(), BagFeatures(ngrams=1)),
        lambda: setups.featurise(setup(threshold=None, metric="macro_f1"), BagFeatures()),
        lambda: setups.featurise(setup({**TEXTS, "test": ["pay us", "oh hello"]}), BagFeatures()),
        lambda: setups.featurise(setup({**TEXTS, "test": TEXTS["test"][::-1]}), BagFeatures()),
    ],
    ids=["features", "manifest", "a word", "order"],
)
def test_anything_else_has_another_fingerprint(other):
    assert other().fingerprint != setups.featurise(setup(), BagFeatures()).fingerprint


def test_warnings_travel_with_the_tables():
    raw = replace(setup(), warnings=("mind this",))
    assert setups.featurise(raw, BagFeatures()).warnings == ("mind this",)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch):
    """Where features are kept."""
    monkeypatch.setenv("MTLKD_CACHE", str(tmp_path))
    return tmp_path / "features"


def refuse(*_):
    raise AssertionError


@pytest.mark.parametrize("features", [BagFeatures(), TokenFeatures()])
@pytest.mark.parametrize("spec", [{}, PAIR, {"text": None, "tokens": "words"}])
def test_features_from_the_cache_are_those_that_are_made(features, spec, kept, monkeypatch):
    with monkeypatch.context() as off:
        off.setenv("MTLKD_CACHE", "")
        made = setups.featurise(setup(**spec), features)
        assert not kept.exists()
    first = setups.featurise(setup(**spec), features)
    monkeypatch.setattr(build, "_make", refuse)
    again = setups.featurise(setup(**spec), features)
    for other in (first, again):
        assert other.fingerprint == made.fingerprint
        assert [task.layout for task in other.tasks] == [task.layout for task in made.tasks]
        for one, two in zip(arrays(made), arrays(other), strict=True):
            assert (one.dtype, one.shape, one.tobytes()) == (two.dtype, two.shape, two.tobytes())
    assert not any(array.flags.writeable for array in arrays(again.tasks[0].train.inputs))


@pytest.mark.parametrize("features", [BagFeatures(), TokenFeatures(bag=BagFeatures(buckets=64)), DenseFeatures()])
def test_featurisers_that_are_handed_over_made_the_tables_also_when_these_come_from_the_cache(features, kept):
    dense = isinstance(features, DenseFeatures)
    raw = setups.read("similar", data_dir=None) if dense else setup(**PAIR)
    fitted = setups.pack_featurisers(setups.fit_featurisers(raw, features))
    for tables, packed in (setups.featurise_and_pack(raw, features) for _ in range(2)):
        assert tables.fingerprint == setups.featurise(raw, features).fingerprint
        assert packed == fitted
    assert kept.exists() != dense


def test_other_tables_requests_and_versions_are_made_anew(kept, monkeypatch):
    setups.featurise(setup(), BagFeatures())
    setups.featurise(setup({**TEXTS, "test": ["pay us", "oh hello"]}), BagFeatures())
    setups.featurise(setup(), BagFeatures(ngrams=1))
    setups.featurise(setup(), TokenFeatures())
    monkeypatch.setattr(build, "VERSION", build.VERSION + 1)
    setups.featurise(setup(), BagFeatures())
    assert len(list(kept.iterdir())) == 5


def test_damaged_features_are_made_anew_and_kept(kept):
    whole = setups.featurise(setup(), BagFeatures())
    (file,) = kept.glob("*.arrow")
    good = file.read_bytes()
    at = len(good) // 2
    file.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
    assert setups.featurise(setup(), BagFeatures()).fingerprint == whole.fingerprint
    (file,) = kept.glob("*.arrow")
    assert file.read_bytes() == good


def test_dense_features_are_not_kept(kept):
    setups.featurise(setups.read("similar", data_dir=None), DenseFeatures())
    assert not kept.exists()


def test_tasks_that_read_one_table_hold_the_same_inputs(kept):
    files = {split: pa.table({"text": rows, "a": [at % 2 for at in range(len(rows))]}) for split, rows in TEXTS.items()}
    task = {"kind": "binary", "label": "a", "metric": "f1"}
    manifest = parse_manifest(
        {"name": "one", "shared": {"data": "d", "text": ["text"]}, "tasks": {"a": task, "b": task}}, where="one.yaml"
    )
    raw = read_setup(manifest, MemorySource("one", {"d": files}))
    made, cached = (setups.featurise(raw, BagFeatures()) for _ in range(2))
    assert made.fingerprint == cached.fingerprint
    for tables in (made, cached):
        first, second = tables.tasks
        for split in TEXTS:
            assert getattr(first, split).inputs is getattr(second, split).inputs
    fitted = setups.fit_featurisers(raw, BagFeatures())
    assert fitted["a"] is fitted["b"]
