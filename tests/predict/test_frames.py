"""Frames of any library go in, answers in kind come out."""

import datetime as dt

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.predict.model_folder import load_model
from ray_mtlkd.predict.predictions import predict_table
from tests.keeping import TEXT_TASKS, keep_model, text_setup, text_table

TABLE = text_table(6)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept") / "texts"
    return load_model(keep_model(text_setup(TEXT_TASKS), BagOfNgrams(hidden=(8,), buckets=256), folder).uri)


@pytest.fixture(scope="module")
def said(kept):
    """Of all tasks."""
    parts = [predict_table(kept, task, TABLE) for task in TEXT_TASKS]
    return pa.table({name: part[name] for part in parts for name in part.column_names})


@pytest.mark.parametrize(
    "make",
    [lambda table: table, pl.from_arrow, lambda table: table.to_pydict(), lambda table: table.to_batches()[0]],
    ids=["arrow", "polars", "mapping", "batch"],
)
def test_what_speaks_arrow_gets_a_table(kept, said, make):
    assert kept.predict(make(TABLE)).equals(said)


def test_a_frame_of_pandas_gets_one_with_its_index(kept, said):
    frame = TABLE.to_pandas().set_index(pd.Index(list("fedcba"), name="id"))
    frame["when"] = [object()] * 6  # no type of Arrow's, and not read
    found = kept.predict(frame, tasks=["match", "intent"])
    pd.testing.assert_frame_equal(found.reset_index(drop=True), said.select(found.columns.to_list()).to_pandas())
    assert list(found.index) == list("fedcba")
    assert next(iter(found)) == "match_prediction"


def test_one_task_is_named_by_itself_and_classes_have_their_probabilities(kept):
    found = kept.predict(TABLE.select(["text"]), tasks="intent", probabilities=True)
    classes = [f"intent_probability_{name}" for name in "012"]
    assert found.column_names == ["intent_prediction", "intent_probability", *classes]
    highest = [max(row[name] for name in classes) for row in found.to_pylist()]
    assert found["intent_probability"].to_pylist() == pytest.approx(highest)


@pytest.mark.parametrize(
    ("frame", "options"),
    [
        (TABLE.select(["text"]), {}),
        (TABLE.slice(0, 0), {}),
        (TABLE, {"tasks": "intnt"}),
        (7, {}),
        (pd.DataFrame({"text": ["a", dt.date(2020, 1, 1)]}), {"tasks": "intent"}),
        ({"text": [2**70]}, {"tasks": "intent"}),
        (pd.DataFrame({"text": [2**70]}), {"tasks": "intent"}),
    ],
    ids=["no column", "no rows", "no task", "no table", "no type", "too large", "too large in pandas"],
)
def test_what_does_not_fit_is_an_error(kept, frame, options, worded):
    with pytest.raises(MtlkdError) as caught:
        kept.predict(frame, **options)
    worded(caught.value)
