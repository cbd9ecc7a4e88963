"""Inputs of several sorts: each is what it is alone, whoever else reads what."""

import numpy as np
import pyarrow as pa
import pytest

from ray_mtlkd import setups
from ray_mtlkd.data.features import BagFeatures, DenseFeatures, MixedFeatures, TokenFeatures
from ray_mtlkd.data.inputs import Mixed
from ray_mtlkd.setups.features import state
from ray_mtlkd.setups.files import MemorySource
from ray_mtlkd.setups.manifest_reader import parse_manifest
from ray_mtlkd.setups.tables import read_setup

COLUMNS = {"numeric": ["x"], "categorical": ["shop"]}
TASKS = {
    "reviews": {"kind": "binary", "metric": "f1", "text": ["text"], "columns": COLUMNS, "label": "good"},
    "topics": {"kind": "multiclass", "metric": "accuracy", "text": ["text"], "label": "topic"},
    "price": {"kind": "regression", "metric": "r2", "columns": COLUMNS, "label": "x2"},
    "names": {"kind": "tagging", "metric": "span_f1", "tokens": "words", "label": "tags"},
}
FEATURES = MixedFeatures(text=TokenFeatures(bag=BagFeatures()), columns=DenseFeatures(rare=1))


def read(tasks=TASKS, *, rows=12, data=lambda name: "d"):
    """A setup of these tasks; ``data`` says where each has its tables, which differ."""
    folders = {}
    for at, name in enumerate(dict.fromkeys(map(data, tasks))):
        texts = [f"pay {word} {at}" for word in ("now", "me", "you", "12") * (rows // 4)]
        folders[name] = pa.table(
            {
                "text": texts,
                "words": [text.split() for text in texts],
                "tags": [["O", "B-X", "O"]] * rows,
                "x": [None if place == 3 else float(place + at) for place in range(rows)],
                "shop": ["a", "b", "c"] * (rows // 3),
                "good": [place % 2 for place in range(rows)],
                "topic": ["p", "q", "r"] * (rows // 3),
                "x2": np.linspace(0, 1, rows),
            }
        )
    specs = {name: {"data": data(name), **spec} for name, spec in tasks.items()}
    manifest = parse_manifest({"name": "shop", "tasks": specs}, where="shop.yaml")
    splits = {name: dict.fromkeys(("train", "valid", "test"), table) for name, table in folders.items()}
    return read_setup(manifest, MemorySource("shop", splits))


def only(*names):
    return {name: TASKS[name] for name in names}


def equal(one, other):
    found = [state.dump(value)[1] for value in (one, other)]
    return all(np.array_equal(a, b) for a, b in zip(*(each.values() for each in found), strict=True))


def test_each_sort_is_what_it_is_alone():
    by_name = {table.task.name: table for table in setups.featurise(read(), FEATURES).tasks}
    assert {name: table.layout.sorts for name, table in by_name.items()} == {
        "reviews": ("text", "columns"),
        "topics": ("text",),
        "price": ("columns",),
        "names": ("text",),
    }
    words = setups.featurise(read(only("topics", "names")), FEATURES.text).tasks
    numbers = setups.featurise(read(only("price")), FEATURES.columns).tasks[0]
    for split in ("valid", "test"):
        inputs = {name: getattr(table, split).inputs for name, table in by_name.items()}
        assert all(isinstance(each, Mixed) for each in inputs.values())
        assert equal(inputs["topics"].text, getattr(words[0], split).inputs)
        assert equal(inputs["names"].text, getattr(words[1], split).inputs)
        assert equal(inputs["reviews"].text, inputs["topics"].text)
        assert equal(inputs["reviews"].columns, inputs["price"].columns)
        assert equal(inputs["price"].columns, getattr(numbers, split).inputs)
    assert dict(by_name["price"].layout.parts)["columns"] == numbers.layout


def test_tables_of_their_own_with_the_same_columns_are_standardised_together():
    setup = read(only("reviews", "price"), data=lambda name: name)
    parts = [dict(table.layout.parts)["columns"] for table in setups.featurise(setup, FEATURES).tasks]
    assert parts[0] == parts[1]


def test_tasks_of_the_same_sorts_can_read_each_other_s_rows():
    tasks = {**only("reviews", "price"), "second": {**TASKS["reviews"], "label": "topic", "kind": "multiclass"}}
    tasks["second"]["metric"] = "accuracy"
    made = setups.featurise(read(tasks, data=lambda name: name), FEATURES).tasks
    assert made[0].train.inputs is made[2].train.inputs
    assert made[0].train.inputs is not made[1].train.inputs
    assert made[2].train.row_ids.min() == len(made[0].train)


def test_what_the_cache_holds_is_what_was_made(tmp_path, monkeypatch):
    monkeypatch.setenv("MTLKD_CACHE", str(tmp_path))
    first, packed = setups.featurise_and_pack(read(), FEATURES)
    again, same = setups.featurise_and_pack(read(), FEATURES)
    assert isinstance(again.tasks[0].train.inputs.text.ids, np.memmap | np.ndarray)
    assert (again.fingerprint, same) == (first.fingerprint, packed)
    assert equal(again.tasks[0].train.inputs, first.tasks[0].train.inputs)
    other = setups.featurise(read(), MixedFeatures(text=FEATURES.text, columns=DenseFeatures(rare=2)))
    assert other.fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("features", "tasks", "where"),
    [
        (BagFeatures(), ("reviews",), "tasks.reviews"),
        (MixedFeatures(text=BagFeatures()), ("reviews", "topics"), "tasks.reviews"),
        (MixedFeatures(text=BagFeatures(), columns=BagFeatures()), ("reviews",), "tasks.reviews"),
        (MixedFeatures(text=BagFeatures(), columns=DenseFeatures()), ("names", "price"), "tasks.names"),
    ],
    ids=["one encoder", "a sort without one", "one for another sort", "tags of a bag"],
)
def test_inputs_and_encoders_that_do_not_fit_are_told(refused, features, tasks, where):
    with refused() as caught:
        setups.featurise(read(only(*tasks)), features)
    assert caught.value.where.startswith(where)


def test_categories_that_train_never_shows_are_found_in_mixed_inputs():
    featuriser = setups.fit_featurisers(read(), FEATURES)["reviews"]
    assert set(featuriser.rules) == {"text", "x", "shop"}
    new = pa.table({"text": ["a"], "x": [1.0], "shop": ["zzz"]})
    checked = setups.check_inputs(new, featuriser.rules, where="new").columns
    assert featuriser.unseen(checked)["shop"].rows == 1


@pytest.mark.parametrize("text", [BagFeatures(), TokenFeatures(bag=BagFeatures())], ids=["bag", "tokens"])
def test_a_setup_may_lack_what_another_one_has(text):
    """One search space may be about both."""
    (price,) = setups.featurise(read(only("price")), MixedFeatures(text=text, columns=DenseFeatures())).tasks
    (topics,) = setups.featurise(read(only("topics")), MixedFeatures(text=text, columns=DenseFeatures())).tasks
    assert (price.layout.sorts, topics.layout.sorts) == (("columns",), ("text",))


def test_tasks_that_label_the_rows_of_one_table_have_one_table_of_all_sorts():
    tasks = {name: {key: spec[key] for key in ("kind", "metric", "label")} for name, spec in TASKS.items()}
    del tasks["names"]
    shared = {"data": "d", "text": ["text"], "columns": COLUMNS}
    manifest = parse_manifest({"name": "one", "shared": shared, "tasks": tasks}, where="one.yaml")
    rows = read().tasks[0].splits["train"].inputs
    table = rows.append_column("good", [[at % 2 for at in range(12)]])
    table = table.append_column("topic", [["p", "q", "r"] * 4]).append_column("x2", [np.linspace(0, 1, 12)])
    source = MemorySource("one", {"d": dict.fromkeys(("train", "valid", "test"), table)})
    tables = setups.featurise(read_setup(manifest, source), FEATURES)
    assert tables.shares_rows
    assert len({id(each.train.inputs) for each in tables.tasks}) == 1
    assert {each.layout.sorts for each in tables.tasks} == {("text", "columns")}
