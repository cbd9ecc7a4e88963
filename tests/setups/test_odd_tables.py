"""Odd tables: read as they are written, or refused; never a traceback, never another label.

More of them: ``MTLKD_ODD_TABLES=20000 pytest tests/setups/test_odd_tables.py``.
"""

import csv
import math
import os
import re
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ray_mtlkd import setups
from ray_mtlkd.data.examples import SPLITS
from ray_mtlkd.data.features import DenseFeatures
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.values import MARKERS

EXAMPLES = int(os.environ.get("MTLKD_ODD_TABLES", "40"))
odd = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)

_PLAIN = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")

words = st.one_of(
    st.sampled_from(
        [
            *(
                "",
                " ",
                "0",
                "1",
                "2",
                "-1",
                "1.0",
                "3.0",
                "01",
                "007",
                "1E2",
                "100",
                "0x10",
                "16",
                "1e400",
                "+1",
                "1.5",
            ),
            *(
                "True",
                "true",
                "FALSE",
                "false",
                "yes",
                "no",
                "NA",
                "nan",
                "NULL",
                "None",
                "<NA>",
                "inf",
                "-inf",
                "\u0663",
            ),
            *("a", "A", "a ", "é", "e\u0301", "a,b", 'say "x"', "two\nlines", "a;b", "\t", "=1+1", "2020-01-01", "12B"),
            *("9007199254740993", "18446744073709551616", "1_000", "1,5", "-0", "-0.0", "0.0"),
        ]
    ),
    st.text(max_size=3).filter(lambda text: "\x00" not in text and "\r" not in text),
)
columns = st.lists(words, min_size=2, max_size=8)
kinds = st.sampled_from(["binary", "multiclass", "regression"])


def equal(first, second):
    """Whether two cells say the same value, by rules of its own."""
    if first == second or {first.lower(), second.lower()} <= {"true", "1", "1.0"}:
        return True
    if {first.lower(), second.lower()} <= {"false", "0", "0.0", "-0", "-0.0"}:
        return True
    if _PLAIN.fullmatch(first) and _PLAIN.fullmatch(second):
        return float(first) == float(second) and float(first).is_integer()
    return False


def read(folder, kind, *, skip=True):
    spec = {"kind": kind, "data": "a", "label": "y", "metric": "rmse" if kind == "regression" else "accuracy"}
    spec |= {"columns": {"numeric": ["n"], "categorical": ["c"]}, "missing_labels": "skip" if skip else "error"}
    (folder / "m.yaml").write_text(yaml.safe_dump({"name": "m", "tasks": {"t": spec}}))
    try:
        validated = setups.read(str(folder / "m.yaml"))
        setups.featurise(validated, DenseFeatures())
    except (MtlkdError, ExceptionGroup) as error:
        told = [error] if isinstance(error, MtlkdError) else error.exceptions
        assert all(isinstance(one, MtlkdError) for one in told)
        return None
    return validated.tasks[0]


def check_labels(task, written):
    """Each label is the one that is written, and what is left out is missing."""
    for split in SPLITS:
        part = task.splits[split]
        kept = part.row_ids.tolist()
        assert {at for at, cell in enumerate(written) if cell not in {"", *MARKERS}} == set(kept)
        for place, label in zip(kept, part.labels.tolist(), strict=True):
            if task.task.kind == "regression":
                said = {"true": 1.0, "false": 0.0}.get(written[place].strip().lower())
                assert math.isclose(label, float(written[place]) if said is None else said)
            else:
                assert equal(task.task.classes[int(label)], written[place])
    cells = sorted({written[at] for at in task.splits["train"].row_ids})
    if task.task.kind != "regression":
        for first in cells:
            for second in cells:
                same = task.splits["train"].labels[[*task.splits["train"].row_ids].index(written.index(first))]
                other = task.splits["train"].labels[[*task.splits["train"].row_ids].index(written.index(second))]
                assert (same == other) <= equal(first, second)


def check_categories(task, written):
    """Categories are equal only where what is written says the same value."""
    texts = task.splits["train"].inputs["c"].to_pylist()
    for text, cell in zip(texts, written, strict=True):
        assert (text is None) == (cell in {"", *MARKERS})
        assert text is None or equal(text, cell)


@odd
@given(kind=kinds, labels=columns, data=st.data())
def test_a_csv_is_read_as_it_is_written_or_refused(kind, labels, data):
    rows = len(labels)
    categories = data.draw(st.lists(words, min_size=rows, max_size=rows))
    numbers = data.draw(st.lists(st.one_of(words, st.floats().map(str)), min_size=rows, max_size=rows))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a").mkdir()
        for split in SPLITS:
            with (folder / "a" / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["n", "c", "y"])
                writer.writerows(zip(numbers, categories, labels, strict=True))
        task = read(folder, kind)
    if task is not None:
        check_labels(task, labels)
        check_categories(task, categories)


def _encoded(values, how):
    """An array of texts in one of Arrow's encodings."""
    array = pa.array(values, pa.string())
    return {
        "plain": lambda: array,
        "large": lambda: array.cast(pa.large_string()),
        "view": lambda: array.cast(pa.string_view()),
        "codes": array.dictionary_encode,
        "runs": lambda: pa.compute.run_end_encode(array),
        "bytes": lambda: array.cast(pa.binary()),
    }[how]()


@odd
@given(
    kind=kinds,
    labels=columns,
    how=st.sampled_from(["plain", "large", "view", "codes", "runs", "bytes"]),
    data=st.data(),
)
def test_an_arrow_table_is_read_as_it_is_written_or_refused(kind, labels, how, data):
    rows = len(labels)
    categories = data.draw(st.lists(words, min_size=rows, max_size=rows))
    table = pa.table({"n": np.arange(rows), "c": _encoded(categories, how), "y": _encoded(labels, how)})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a").mkdir()
        for split in SPLITS:
            with pa.ipc.new_file(str(folder / "a" / f"{split}.arrow"), table.schema) as writer:
                writer.write_table(table)
        task = read(folder, kind)
    if task is not None:
        check_labels(task, labels)
        check_categories(task, categories)


_typed = st.one_of(
    st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=4, max_size=4).map(
        lambda v: pa.array(v, pa.int64())
    ),
    st.lists(st.one_of(st.none(), st.floats(width=32)), min_size=4, max_size=4).map(
        lambda v: pa.array(v, pa.float32())
    ),
    st.lists(st.one_of(st.none(), st.decimals(-999, 999, places=2)), min_size=4, max_size=4).map(
        lambda v: pa.array(v, pa.decimal128(7, 2))
    ),
    st.lists(st.one_of(st.none(), st.booleans()), min_size=4, max_size=4).map(lambda v: pa.array(v, pa.bool_())),
    st.lists(st.one_of(st.none(), st.dates()), min_size=4, max_size=4).map(lambda v: pa.array(v, pa.date32())),
    st.lists(st.one_of(st.none(), st.binary(max_size=3)), min_size=4, max_size=4).map(
        lambda v: pa.array(v, pa.binary())
    ),
    st.lists(st.one_of(st.none(), st.times()), min_size=4, max_size=4).map(lambda v: pa.array(v, pa.time64("us"))),
    st.lists(st.one_of(st.none(), st.lists(st.integers(0, 3), max_size=3)), min_size=4, max_size=4).map(
        lambda v: pa.array(v, pa.list_(pa.int64()))
    ),
    st.just(pa.nulls(4)),
    st.just(pa.array([{"x": 1}] * 4)),
)
every_kind = st.sampled_from(["binary", "multiclass", "multilabel", "regression"])


@odd
@given(kind=every_kind, columns=st.tuples(_typed, _typed, _typed))
def test_columns_of_any_type_are_read_or_refused(kind, columns):
    table = pa.table(dict(zip("ncy", columns, strict=True)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a").mkdir()
        for split in SPLITS:
            pq.write_table(table, folder / "a" / f"{split}.parquet")
        task = read(folder, kind)
    if task is not None and kind == "regression":
        kept = table["y"].take(task.splits["train"].row_ids).cast(pa.float64(), safe=False).to_numpy()
        np.testing.assert_array_equal(task.splits["train"].labels, kept)
