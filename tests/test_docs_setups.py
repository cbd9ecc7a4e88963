"""Manifests and search spaces that the pages show are read, and fit each other."""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from ray_mtlkd import setups
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.space import read_space

DOCS = Path(__file__).parents[1] / "docs"
WORDS = ["red", "blue", "lamp", "chair", "12x", "oak", "steel", "big"]


def blocks(page):
    return re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(), flags=re.DOTALL)


def _text(row):
    return " ".join(WORDS[(row * step) % len(WORDS)] for step in (1, 3, 5))


def _table(task, rows):
    texts = [_text(row) for row in rows]
    columns = {
        "category": {"title": texts, "label": [row % 3 for row in rows]},
        "match": {"text_a": texts, "text_b": texts[::-1], "label": [row % 2 for row in rows]},
        "rating": {"title": texts, "body": texts, "rating": [row % 5 + 0.5 for row in rows]},
        "terms": {"tokens": [text.split() for text in texts], "tags": [["O", "B-X", "I-X"] for _ in rows]},
    }
    return pa.table(columns[task])


@pytest.fixture
def shop(tmp_path):
    """The setup of the page on tasks, with tables, in a folder."""
    (tmp_path / "shop.yaml").write_text(blocks("tables.md")[0])
    for task in ("category", "match", "rating", "terms"):
        (tmp_path / task).mkdir()
        for split, start in (("train", 0), ("valid", 100), ("test", 130)):
            pq.write_table(_table(task, range(start, start + 90)), tmp_path / task / f"{split}.parquet")
    return tmp_path


@pytest.mark.parametrize(
    ("page", "trials"), [("search_spaces.md", 5 * (8 + 2 * 6)), ("distilling.md", 3), ("pays.md", 2 * (4 + 2 * 3))]
)
def test_the_search_space_of_a_page_fits_the_manifest(page, trials, shop):
    (space,) = blocks(page)
    if page == "pays.md":  # whose encoder does not tag
        space = space.replace("{name: bag}", "{name: cnn}")
    (shop / "space.yaml").write_text(space)
    assert prepare(read_space(shop / "space.yaml"), data_dir=None, say=lambda _: None).plan.size == trials


def test_the_keys_that_a_page_adds_to_a_search_space_are_keys(shop):
    (space,), (added,) = blocks("distilling.md"), blocks("seeds.md")
    (shop / "space.yaml").write_text(yaml.safe_dump(yaml.safe_load(space) | yaml.safe_load(added)))
    found = read_space(shop / "space.yaml")
    assert (found.search.configurations, len(found.replicate.seeds)) == (8, 6)


def test_the_manifest_of_texts_beside_columns_fits_its_encoder(tmp_path):
    (tmp_path / "reviews.yaml").write_text(blocks("tables.md")[1])
    rows = range(90)
    for task, label in (("helpful", [row % 2 for row in rows]), ("topic", [row % 3 for row in rows])):
        (tmp_path / task).mkdir()
        columns = {"body": [_text(row) for row in rows], "stars": [row % 5 for row in rows], task: label}
        for split in ("train", "valid", "test"):
            pq.write_table(pa.table(columns), tmp_path / task / f"{split}.parquet")
    (encoder,) = re.findall(
        r"`(encoder: \{name: mixed, text:\n.*?)`", (DOCS / "tables.md").read_text(), flags=re.DOTALL
    )
    space = {"name": "mixed", "setups": ["reviews.yaml"], "strategies": ["sum"], "search": {"configurations": 2}}
    space |= {"replicate": {"seeds": [1]}, "training": {"batch_size": 16}, **yaml.safe_load(encoder)}
    (tmp_path / "space.yaml").write_text(yaml.safe_dump(space))
    prepared = prepare(read_space(tmp_path / "space.yaml"), data_dir=None)
    (tables,) = {id(each): each for each in prepared.tables.values()}.values()
    assert [table.layout.sorts for table in tables.tasks] == [("text", "columns"), ("text",)]


def test_the_manifest_of_one_table_is_read(tmp_path):
    (tmp_path / "people.yaml").write_text(blocks("tables.md")[2])
    (tmp_path / "people").mkdir()
    rows = range(12)
    table = pa.table(
        {
            "age": [float(row) for row in rows],
            "income": [row * 7.5 for row in rows],
            "city": [WORDS[row % 3] for row in rows],
            "job": [WORDS[row % 2] for row in rows],
            "churned": [row % 2 for row in rows],
            "segment": [None if row == 3 else row % 3 for row in rows],
        }
    )
    for split in ("train", "valid", "test"):
        pq.write_table(table, tmp_path / "people" / f"{split}.parquet")
    churn, segment = setups.read(str(tmp_path / "people.yaml"), data_dir=None).tasks
    assert (len(churn.splits["train"].labels), len(segment.splits["train"].labels)) == (12, 11)
    assert churn.splits["train"].inputs is segment.splits["train"].inputs
