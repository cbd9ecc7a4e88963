"""One file a task, cut into train, valid and test."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from ray_mtlkd import setups
from ray_mtlkd.data.examples import SPLITS
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.cuts import cut
from ray_mtlkd.setups.manifest import InputSpec, SplitRule

WORDS = [
    f"{verb} {noun} {number}" for verb in ("pay", "see", "ask") for noun in ("bill", "mail") for number in range(50)
]
TEXT = InputSpec(data="mail.csv", text=("text",))


def _parts(table, rule, spec=TEXT, group=None):
    return cut(table, rule, spec, group=group, where="mail.csv")


def test_every_row_is_in_one_part_of_about_its_share_in_the_order_of_the_file():
    parts = _parts(pa.table({"text": WORDS}), SplitRule(valid=0.1, test=0.3))
    found = {part: table["text"].to_pylist() for part, table in parts.items()}
    assert sorted(text for texts in found.values() for text in texts) == sorted(WORDS)
    assert 0.05 < len(found["valid"]) / len(WORDS) < 0.15
    assert 0.22 < len(found["test"]) / len(WORDS) < 0.38
    assert all(texts == sorted(texts, key=WORDS.index) for texts in found.values())


def test_rows_that_are_added_move_no_other_and_another_seed_cuts_elsewhere():
    before = _parts(pa.table({"text": WORDS[:100]}), SplitRule())
    after = _parts(pa.table({"text": WORDS}), SplitRule())
    for part in SPLITS:
        texts = after[part]["text"].to_pylist()
        assert [text for text in texts if text in WORDS[:100]] == before[part]["text"].to_pylist()
    other = _parts(pa.table({"text": WORDS}), SplitRule(seed=1))
    assert not other["test"].equals(after["test"])


def test_texts_that_differ_in_case_and_spaces_alone_lie_on_one_side():
    table = pa.table({"text": [*WORDS, *(f"  {text.upper()} ".replace(" ", "  ") for text in WORDS)]})
    for part in _parts(table, SplitRule()).values():
        texts = {" ".join(text.casefold().split()) for text in part["text"].to_pylist()}
        assert part.num_rows == 2 * len(texts)


@pytest.mark.parametrize(("by", "group"), [("customer", None), (None, "customer")])
def test_rows_of_one_customer_lie_on_one_side(by, group):
    table = pa.table({"text": WORDS, "customer": [at // 7 for at in range(len(WORDS))]})
    parts = _parts(table, SplitRule(by=by), group=group)
    sides = [set(part["customer"].to_pylist()) for part in parts.values()]
    assert all(sides)
    assert sum(map(len, sides)) == len(set().union(*sides))


@pytest.mark.parametrize("valid", [0.1, 0.25])
def test_each_part_has_its_share_of_every_stratum_and_equal_texts_stay_together(valid):
    strata = np.array([0] * 260 + [1] * 40)
    table = pa.table({"text": [*WORDS[:-1], WORDS[0]], "stratum": strata})
    parts = cut(table, SplitRule(valid=valid, test=0.3), TEXT, group=None, where="mail.csv", strata=strata)
    for part, share in (("valid", valid), ("test", 0.3), ("train", 0.7 - valid)):
        counts = np.bincount(parts[part]["stratum"].to_numpy(), minlength=2)
        assert np.abs(counts - share * np.array([260, 40])).max() <= 2
    sides = [set(part["text"].to_pylist()) for part in parts.values()]
    assert sum(map(len, sides)) == len(WORDS) - 1


@pytest.fixture
def written(tmp_path):
    """A setup of one file, whose tasks both read the same column."""

    def make(data="mail.csv", split=None, names=("odd", "size"), **more):
        texts = "\n".join(f"{text},{at % 2},{at // 5},{at}" for at, text in enumerate(WORDS))
        (tmp_path / "mail.csv").write_text(f"text,odd,customer,number\n{texts}\n")
        inputs = {"data": data, "text": ["text"], **({} if split is None else {"split": split})}
        tasks = {
            "odd": {"kind": "binary", "label": "odd", "metric": "accuracy", **inputs, **more},
            "size": {"kind": "regression", "label": "number", "metric": "mae", **inputs},
        }
        (tmp_path / "mail.yaml").write_text(
            yaml.safe_dump({"name": "mail", "tasks": {name: tasks[name] for name in names}})
        )
        return str(tmp_path / "mail.yaml")

    return make


def test_tasks_of_one_file_are_cut_alike(written):
    found = setups.read(written(split={"valid": 0.2, "test": 0.2}))
    odd, size = found.tasks
    for part in SPLITS:
        texts = odd.splits[part].inputs["text"].to_pylist()
        assert texts == size.splits[part].inputs["text"].to_pylist()
        assert [WORDS.index(text) for text in texts] == size.splits[part].labels.tolist()
        assert odd.splits[part].labels.tolist() == [number % 2 for number in size.splits[part].labels.tolist()]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"split": None}, "mail.csv"),
        ({"split": {"valid": 0.5, "test": 0.5}}, "tasks.odd.split"),
        ({"split": {"by": "custmer"}}, "mail.csv"),
        ({"split": {}, "unlabelled": "more"}, "tasks.odd.unlabelled"),
        ({"split": {"stratify": True}}, "mail.csv"),
        ({"split": {"stratify": "od"}}, "mail.csv"),
    ],
)
def test_a_file_that_cannot_be_cut_says_why(written, change, where, worded):
    with pytest.raises((ExceptionGroup, MtlkdError)) as caught:
        setups.read(written(**change))
    errors = getattr(caught.value, "exceptions", [caught.value])
    assert where in errors[0].where
    worded("\n".join(map(str, errors)))


@pytest.mark.parametrize(
    ("stratify", "names", "valid"),
    [
        ("odd", ("odd", "size"), {"odd": [15, 15]}),
        (True, ("odd",), {"odd": [15, 15]}),
        (True, ("size",), {"size": [3] * 10}),
    ],
)
def test_a_cut_may_be_stratified_by_a_column_or_by_the_only_label(written, stratify, names, valid):
    read = setups.read(written(split={"valid": 0.1, "test": 0.2, "stratify": stratify}, names=names))
    for name, counts in valid.items():
        labels = next(task.splits["valid"].labels for task in read.tasks if task.task.name == name)
        edges = np.linspace(0, 2 if name == "odd" else 300, len(counts) + 1)
        assert np.histogram(labels, bins=edges)[0].tolist() == counts


def test_a_folder_is_not_cut(written, tmp_path):
    places = [tmp_path / "mail" / f"{part}.parquet" for part in SPLITS]
    places[0].parent.mkdir()
    for place in places:
        pq.write_table(pa.table({"text": WORDS, "odd": [0, 1] * 150, "number": range(300)}), place)
    with pytest.raises(ExceptionGroup) as caught:
        setups.read(written(data="mail", split={}))
    assert {error.where for error in caught.value.exceptions} == set(map(str, places))


def test_valid_may_be_cut_from_train_and_test_is_left_as_it_is(written, tmp_path, refused):
    (tmp_path / "mail").mkdir()
    numbers = list(range(300))
    pq.write_table(
        pa.table({"text": WORDS, "odd": [0, 1] * 150, "number": numbers}), tmp_path / "mail" / "train.parquet"
    )
    test = pa.table({"text": ["pay"] * 2, "odd": [0, 1], "number": [1, 2]})
    pq.write_table(test, tmp_path / "mail" / "test.parquet")
    parts = {split: part.labels for split, part in setups.read(written("mail", {"valid": 0.2})).tasks[1].splits.items()}
    assert sorted([*parts["train"].tolist(), *parts["valid"].tolist()]) == numbers
    assert 40 < len(parts["valid"]) < 80
    assert parts["test"].tolist() == [1, 2]
    with refused():
        setups.read(written("mail"))


def test_a_row_without_what_it_is_cut_by_is_named(refused):
    table = pa.table({"text": ["a", "b"], "customer": [1, None]})
    with refused() as caught:
        cut(table, SplitRule(by="customer"), TEXT, group=None, where="mail.csv")
    assert caught.value.where == "mail.csv:customer"
