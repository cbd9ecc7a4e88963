"""The same rules for the fitted features of every input form."""

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ray_mtlkd import setups
from ray_mtlkd.data.features import BagFeatures, DenseFeatures, Features, MixedFeatures, TokenFeatures
from ray_mtlkd.data.inputs import Mixed
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.features import state
from ray_mtlkd.setups.files import MemorySource
from ray_mtlkd.setups.manifest_reader import parse_manifest
from ray_mtlkd.setups.tables import read_setup

TEXTS = {
    "train": ["Pay now, pay", "hello you", "pay me 12-b", "hello", "", "oh  PAY\tme"],
    "valid": ["pay", "hello zebra"],
    "test": ["pay you", "oh hello", "12-b"],
}
CASES = {
    "bag of a text": (BagFeatures(), {"text": ["text"]}),
    "bag of long n-grams": (BagFeatures(buckets=64, ngrams=3), {"text": ["text", "other"]}),
    "bag of given words": (BagFeatures(), {"tokens": "words"}),
    "bags of a pair": (BagFeatures(), {"pair": ["text", "other"]}),
    "tokens of a text": (TokenFeatures(max_length=2), {"text": ["text"]}),
    "tokens of two columns": (TokenFeatures(), {"text": ["other", "text"]}),
    "given tokens": (TokenFeatures(max_length=1), {"tokens": "words"}),
    "tokens beside a bag": (TokenFeatures(max_length=2, bag=BagFeatures(buckets=64)), {"text": ["text"]}),
    "bag of words alone": (BagFeatures(letters=0), {"text": ["text"]}),
    "tokens and bags of a pair": (TokenFeatures(bag=BagFeatures()), {"pair": ["text", "other"]}),
    "tokens of a pair": (TokenFeatures(), {"pair": ["text", "other"]}),
    "columns": (DenseFeatures(rare=1), {"columns": {"numeric": ["age", "size"], "categorical": ["city"]}}),
    "vectors": (DenseFeatures(), {"vector": "point"}),
    "a text beside columns and a vector": (
        MixedFeatures(text=BagFeatures(), columns=DenseFeatures(rare=1), vector=DenseFeatures()),
        {"text": ["text"], "columns": {"numeric": ["age"], "categorical": ["city"]}, "vector": "point"},
    ),
    "a pair beside columns": (
        MixedFeatures(text=TokenFeatures(bag=BagFeatures()), columns=DenseFeatures()),
        {"pair": ["text", "other"], "columns": {"numeric": ["age", "size"]}},
    ),
    "token vectors": (DenseFeatures(), {"token_vectors": "points"}),
}


def table(texts):
    places = range(len(texts))
    points = np.arange(3 * len(texts), dtype=np.float32).reshape(-1, 3) / 7
    return pa.table(
        {
            "text": texts,
            "other": texts[::-1],
            "words": [text.split() or ["none"] for text in texts],
            "age": [None if at == 1 else at * 1.1 for at in places],
            "size": [at % 3 for at in places],
            "city": [["a", "b", None, "é"][at % 4] for at in places],
            "point": points.tolist(),
            "points": [points[: at % 2 + 1].tolist() for at in places],
            "label": [at % 2 for at in places],
            "tags": [["B-X", "O"][: at % 2 + 1] for at in places],
        }
    )


@dataclass(frozen=True)
class Case:
    raw: setups.ValidatedSetup
    featuriser: setups.Featuriser
    features: Features

    def columns(self, split):
        return self.raw.tasks[0].splits[split].inputs


@pytest.fixture(params=CASES)
def case(request):
    return build(request.param)


def build(name):
    """A setup of one input form, its featuriser, and what was asked for."""
    features, given = CASES[name]
    spec = {"kind": "multiclass", "data": "d", "label": "label", "metric": "accuracy", **given}
    if "token_vectors" in given:
        spec |= {"kind": "tagging", "label": "tags", "metric": "span_f1"}
    manifest = parse_manifest({"name": "shop", "tasks": {"intent": spec}}, where="shop.yaml")
    tables = {split: table(texts) for split, texts in TEXTS.items()}
    raw = read_setup(manifest, MemorySource("shop", {"d": tables}))
    return Case(raw, setups.fit_featurisers(raw, features)["intent"], features)


def arrays(value):
    """Every array in a value, in order."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, tuple):
        return [array for part in value for array in arrays(part)]
    parts = fields(value) if is_dataclass(value) else ()
    return [array for part in parts for array in arrays(getattr(value, part.name))]


def digest(value):
    """Hash of every bit of every array."""
    found = hashlib.sha256()
    for array in arrays(value):
        found.update(f"{array.dtype}{array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def row_of(inputs, row):
    """One row of a table's inputs, as a table of one row."""
    if isinstance(inputs, Mixed):
        return Mixed(**{part: row_of(of, row) for part, of in inputs.by_part().items()})
    if hasattr(inputs, "left"):
        return replace(
            inputs,
            left=row_of(inputs.left, row),
            right=row_of(inputs.right, row),
            overlap=inputs.overlap[row : row + 1],
        )
    if not hasattr(inputs, "offsets"):
        return replace(inputs, values=inputs.values[row : row + 1], codes=inputs.codes[row : row + 1])
    start, end = inputs.offsets[row : row + 2]
    bag = getattr(inputs, "bag", None)
    cut = {name: getattr(inputs, name)[start:end] for name in ("ids", "values", "weights") if hasattr(inputs, name)}
    beside = {} if bag is None else {"bag": row_of(bag, row)}
    return replace(inputs, **cut, **beside, offsets=np.array([0, end - start]))


def test_a_row_s_features_depend_on_that_row_alone(case):
    for split, texts in TEXTS.items():
        whole = case.featuriser.transform(case.columns(split))
        for row in range(len(texts)):
            alone = case.featuriser.transform(case.columns(split).slice(row, 1))
            assert digest(alone) == digest(row_of(whole, row))


def test_its_example_can_be_read_and_has_no_category_that_train_lacks(case):
    row = pa.Table.from_pylist([dict(case.featuriser.example)])
    checked = setups.check_inputs(row, case.featuriser.rules, where="example").columns
    assert arrays(case.featuriser.transform(checked))
    assert case.featuriser.unseen(checked) == {}


def test_a_setup_s_tables_are_what_the_fitted_featuriser_makes_of_them(case):
    tables = setups.featurise(case.raw, case.features).tasks[0]
    assert tables.layout == case.featuriser.layout
    for split in TEXTS:
        assert digest(getattr(tables, split).inputs) == digest(case.featuriser.transform(case.columns(split)))


def test_fitting_sees_train_alone(case):
    splits = case.raw.tasks[0].splits
    task = replace(case.raw.tasks[0], splits={**splits, "valid": splits["train"], "test": splits["train"]})
    other = setups.fit_featurisers(replace(case.raw, tasks=(task,)), case.features)
    assert setups.pack_featurisers(other) == setups.pack_featurisers({"intent": case.featuriser})


def test_several_batches_are_one_table(case):
    columns = case.columns("train")
    chunked = pa.concat_tables([columns.slice(0, 2), columns.slice(2)])
    assert digest(case.featuriser.transform(chunked)) == digest(case.featuriser.transform(columns))


def test_a_batch_without_rows_has_inputs_without_rows(case):
    none, some = (case.featuriser.transform(case.columns("train").slice(0, rows)) for rows in (0, 1))
    for empty, array in zip(arrays(none), arrays(some), strict=True):
        assert (empty.dtype, empty.shape[1:]) == (array.dtype, array.shape[1:])
        assert not empty.any()


def test_what_is_packed_comes_back_bit_for_bit(case):
    packed = setups.pack_featurisers({"intent": case.featuriser, "again": case.featuriser})
    back = setups.unpack_featurisers(packed, where="f.safetensors")
    assert back["intent"] is back["again"]
    assert back["intent"].layout == case.featuriser.layout
    assert back["intent"].rules == case.featuriser.rules
    assert digest(back["intent"]) == digest(case.featuriser)
    for split in TEXTS:
        made = [featuriser.transform(case.columns(split)) for featuriser in (case.featuriser, back["intent"])]
        assert digest(made[0]) == digest(made[1])


CHILD = """
import sys
from pathlib import Path
import pyarrow as pa
from ray_mtlkd import setups
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.features.state import dump
folder = Path(sys.argv[1])
for case in sorted(folder.iterdir()):
    featuriser = setups.unpack_featurisers((case / "packed").read_bytes(), where=str(case))["intent"]
    table = pa.ipc.open_file(case / "table.arrow").read_all()
    inputs = featuriser.transform(setups.check_inputs(table, featuriser.rules, where=str(case)).columns)
    for name, array in dump(inputs)[1].items():
        (case / name).write_bytes(array.tobytes())
"""


def test_another_process_makes_the_same_of_a_new_table(tmp_path: Path):
    """Whatever its seed of hashing is: this process has one of its own."""
    made = {}
    for name in CASES:
        case = build(name)
        (tmp_path / name).mkdir()
        (tmp_path / name / "packed").write_bytes(setups.pack_featurisers({"intent": case.featuriser}))
        new = table(["Zebra pay", "you now", "12-b 7"])
        with pa.ipc.new_file(tmp_path / name / "table.arrow", new.schema) as file:
            file.write_table(new)
        columns = setups.check_inputs(new, case.featuriser.rules, where="new").columns
        made[name] = state.dump(case.featuriser.transform(columns))[1]
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    subprocess.run([sys.executable, "-c", CHILD, str(tmp_path)], env=environment, check=True)
    for name, expected in made.items():
        assert expected
        for place, array in expected.items():
            assert (tmp_path / name / place).read_bytes() == array.tobytes()


def test_a_new_table_is_checked_as_at_the_door(case):
    new = table(["a", "b"])
    for column, rule in case.featuriser.rules.items():
        bad = new.set_column(new.column_names.index(column), column, pa.array([{"x": 1}, {"x": 2}]))
        with pytest.raises(MtlkdError) as caught:
            setups.check_inputs(bad, case.featuriser.rules, where="new.parquet")
        assert caught.value.where == f"new.parquet:{column}"
        nulls = new.set_column(new.column_names.index(column), column, pa.nulls(2, new.schema.field(column).type))
        if rule.sort in {"number", "category"}:
            assert setups.check_inputs(nulls, case.featuriser.rules, where="new").columns.num_rows == 2
        else:
            with pytest.raises(MtlkdError) as caught:
                setups.check_inputs(nulls, case.featuriser.rules, where="new")
            assert caught.value.where == f"new:{column}"


def test_every_problem_of_a_new_table_is_reported(refused):
    rules = build("columns").featuriser.rules
    with refused(ExceptionGroup):
        setups.check_inputs(table(["a"]).select(["city"]), rules, where="new")


@pytest.mark.parametrize("damage", [b"", b"x" * 40, None])
def test_damaged_featurisers_are_an_error_that_names_the_file(damage):
    packed = setups.pack_featurisers({"intent": build("columns").featuriser})
    with pytest.raises(MtlkdError) as caught:
        setups.unpack_featurisers(packed[:-20] if damage is None else damage, where="f.safetensors")
    assert caught.value.where == "f.safetensors"


def test_featurisers_of_another_version_are_refused(monkeypatch, refused):
    packed = setups.pack_featurisers({"intent": build("bag of a text").featuriser})
    monkeypatch.setattr(state, "VERSION", state.VERSION + 1)
    with refused():
        setups.unpack_featurisers(packed, where="f.safetensors")


def test_what_fitting_makes_of_train_is_what_the_featuriser_makes_of_it_again(case):
    train = setups.featurise(case.raw, case.features).tasks[0].train.inputs
    assert digest(train) == digest(case.featuriser.transform(case.columns("train")))
