"""The same table gives the same features, labels and predictions, whatever wrote it and in which format."""

import datetime as dt
import itertools
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ray_mtlkd import setups
from ray_mtlkd.data.examples import SPLITS
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.predict.model_folder import load_model
from ray_mtlkd.predict.predictions import TableWarning, predict_table
from ray_mtlkd.setups.files import read_table
from ray_mtlkd.setups.requests import TableRequest
from tests.keeping import keep_model
from tests.setups.formats import FLAT, NESTED

ENCODER = Mlp(hidden=(4,))
REFERENCE = ("pyarrow", "parquet")
ROWS = 12

KINDS = {
    "binary": ("accuracy", FLAT | NESTED),
    "multiclass": ("accuracy", FLAT | NESTED),
    "regression": ("rmse", FLAT | NESTED),
    "ranking": ("map", FLAT | NESTED),
    "multilabel": ("micro_f1", NESTED),
    "tagging": ("span_f1", NESTED),
}
"""Metric of each kind, and what can write its labels."""

_codes = st.sampled_from(["007", "1E2", "100", "0x10", "12B", "a b", 'say "x"', "a,b;c", "é", "nein", "TRUE?"])
_values = st.one_of(
    st.lists(st.sampled_from([1, 2, 3, 10, -4]), min_size=ROWS, max_size=ROWS).map(lambda v: pa.array(v, pa.int64())),
    st.lists(st.sampled_from([0, 1, None]), min_size=ROWS, max_size=ROWS).map(lambda v: pa.array(v, pa.int32())),
    st.lists(st.booleans(), min_size=ROWS, max_size=ROWS).map(lambda v: pa.array(v, pa.bool_())),
    st.lists(st.one_of(st.none(), st.booleans()), min_size=ROWS, max_size=ROWS).map(lambda v: pa.array(v, pa.bool_())),
    st.lists(st.one_of(st.none(), _codes), min_size=ROWS, max_size=ROWS).map(lambda v: pa.array(v, pa.string())),
    st.lists(st.sampled_from(["NA", "null", "x", "y", ""]), min_size=ROWS, max_size=ROWS).map(
        lambda v: pa.array(v, pa.string())
    ),
    st.lists(st.sampled_from([0.5, 1.0, 2.25, None]), min_size=ROWS, max_size=ROWS).map(
        lambda v: pa.array(v, pa.float64())
    ),
    st.lists(st.dates(dt.date(1999, 1, 1), dt.date(2001, 1, 9)), min_size=ROWS, max_size=ROWS).map(
        lambda v: pa.array(v, pa.date32())
    ),
)
"""Categorical columns."""

_numbers = st.one_of(
    st.lists(
        st.one_of(st.none(), st.floats(-1e6, 1e6, width=32), st.floats(-1e-8, 1e-8)), min_size=ROWS, max_size=ROWS
    ).map(lambda v: pa.array(v, pa.float64())),
    st.lists(st.integers(-(2**40), 2**40), min_size=ROWS, max_size=ROWS).map(lambda v: pa.array(v, pa.int64())),
    st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=ROWS, max_size=ROWS).map(
        lambda v: pa.array(v, pa.int64())
    ),
    st.lists(st.booleans(), min_size=ROWS, max_size=ROWS).map(lambda v: pa.array(v, pa.bool_())),
)
"""Numeric columns."""


def _repeated(values, kind):
    return pa.array(list(itertools.islice(itertools.cycle(values), ROWS)), kind)


_labels = {
    "binary": st.sampled_from([_repeated([0, 1], pa.int64()), _repeated([True, False], pa.bool_())]),
    "multiclass": st.sampled_from(
        [
            _repeated([3, 10, 2], pa.int64()),
            _repeated(["007", "1E2", "100"], pa.string()),
            _repeated(["10", "11", "12B"], pa.string()),
            _repeated([True, False], pa.bool_()),
            _repeated(["yes", "no", "None"], pa.string()),
        ]
    ),
    "regression": st.sampled_from(
        [_repeated([1.7e9, 1.7e9 + 301, 1.7e9 + 2.5], pa.float64()), _repeated([3, 1, 2], pa.int64())]
    ),
    "ranking": st.just(_repeated([0, 1, 2], pa.int64())),
    "multilabel": st.sampled_from(
        [
            _repeated([[1], [2, 1], []], pa.list_(pa.int64())),
            _repeated([["a"], ["b", "a"], []], pa.list_(pa.string())),
        ]
    ),
    "tagging": st.just(_repeated([["O", "B-X"], ["O", "O"], ["B-X", "I-X"]], pa.list_(pa.string()))),
}


def _spec(kind, metric):
    inputs = {"token_vectors": "v"} if kind == "tagging" else {"columns": {"numeric": ["n"], "categorical": ["c"]}}
    group = {"group": "q"} if kind == "ranking" else {}
    return {"kind": kind, "data": "a", "label": "y", "metric": metric, **inputs, **group}


def _written(folder, table, writer, write, manifest):
    """A setup whose three tables are the same one, by one writer."""
    (folder / "a").mkdir(parents=True)
    first, *others = (folder / "a" / f"{split}.{writer[1]}" for split in SPLITS)
    write(table, str(first))
    for path in others:
        shutil.copy(first, path)
    (folder / "m.yaml").write_text(yaml.safe_dump(manifest))
    return setups.read(str(folder / "m.yaml"))


def _outcome(call):
    """What a call gives, or what it says is wrong, apart from which file it is."""
    try:
        return call()
    except MtlkdError as error:
        return error.what
    except ExceptionGroup as group:
        return sorted({error.what for error in group.exceptions})


def _featurised(validated):
    tables = setups.featurise(validated, ENCODER.features)
    labels = [task.splits[split].labels.tolist() for task in validated.tasks for split in SPLITS]
    return tables.fingerprint, [task.task for task in tables.tasks], labels


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_features_and_labels_are_the_same_from_every_format(kind, data):
    metric, writers = KINDS[kind]
    vectors = pa.array([[[float(at), 1.0], [0.0, float(at)]] for at in range(ROWS)], pa.list_(pa.list_(pa.float32())))
    table = pa.table(
        {
            **({"v": vectors} if kind == "tagging" else {"n": data.draw(_numbers), "c": data.draw(_values)}),
            "y": data.draw(_labels[kind]),
            "q": [f"q{at // 3}" for at in range(ROWS)],
        }
    )
    manifest = {"name": "m", "tasks": {"t": _spec(kind, metric)}}
    with tempfile.TemporaryDirectory() as folder:
        found = {
            writer: _outcome(
                lambda writer=writer, write=write: _featurised(
                    _written(Path(folder, *writer), table, writer, write, manifest)
                )
            )
            for writer, write in writers.items()
        }
    for writer in writers:
        assert found[writer] == found[REFERENCE], writer


def test_predictions_are_the_same_from_every_format(tmp_path):
    table = pa.table(
        {
            "n": pa.array([*range(ROWS - 1), None], pa.int64()),
            "c": _repeated([True, False, None], pa.bool_()),
            "d": _repeated([3, 10, None, 2], pa.int64()),
            "e": _repeated(["007", "1E2", "NA"], pa.string()),
            "y": _repeated([False, True], pa.bool_()),
        }
    )
    spec = _spec("binary", "accuracy") | {"columns": {"numeric": ["n"], "categorical": ["c", "d", "e"]}}
    manifest = {"name": "m", "tasks": {"t": spec}}
    raw = _written(tmp_path / "train", table, REFERENCE, NESTED[REFERENCE], manifest)
    kept = load_model(keep_model(raw, ENCODER, tmp_path / "model").uri)
    with pytest.warns(TableWarning):
        expected = predict_table(kept, "t", table)
    assert len(set(expected["t_probability"].to_pylist())) > 1
    assert expected.schema.field("t_prediction").type == pa.bool_()
    for writer, write in (FLAT | NESTED).items():
        path = tmp_path / f"{writer[0]}.{writer[1]}"
        write(table, str(path))
        read = read_table(path, TableRequest(tuple("ncde"))).table
        with pytest.warns(TableWarning):
            assert predict_table(kept, "t", read).equals(expected), writer


def test_a_model_trained_on_text_reads_typed_columns(tmp_path):
    typed = pa.table({"n": range(ROWS), "c": _repeated([True, False], pa.bool_()), "y": _repeated([0, 1], pa.int64())})
    manifest = {"name": "m", "tasks": {"t": _spec("binary", "accuracy")}}
    raw = _written(tmp_path / "train", typed, ("pandas", "csv"), FLAT["pandas", "csv"], manifest)
    kept = load_model(keep_model(raw, ENCODER, tmp_path / "model").uri)
    found = kept.featurisers["t"].transform(setups.check_inputs(typed, kept.featurisers["t"].rules, where="t").columns)
    assert found.codes[:, 0].tolist() == [2, 1] * (ROWS // 2)
    assert np.unique(found.codes).tolist() == [1, 2]
