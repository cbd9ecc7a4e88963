"""Tables of public setups from the files at their origin."""

import hashlib
import io
import zipfile

import pyarrow.parquet as pq
import pytest

from ray_mtlkd import setups
from ray_mtlkd.data.examples import SPLITS
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.public import PUBLIC, fetch, pinned_files
from ray_mtlkd.setups.public.origin import draw

REVIEWS = PUBLIC["commerce"]["review_rating"].paths[0]
HEADER = (
    ",Clothing ID,Age,Title,Review Text,Rating,Recommended IND,Positive Feedback Count,Division Name,"
    "Department Name,Class Name"
)


def _fetch(name, folder, origin, data=None):
    manifest = setups.locate(name, data_dir=None).manifest
    wanted = [each for each in PUBLIC[name] if each in (data or PUBLIC[name])]
    fetch(manifest, wanted, folder, mirror=origin.address, tell=lambda *_: None)


def _table(path):
    return pq.read_table(path).replace_schema_metadata(None)


def test_every_file_is_pinned_and_every_pin_is_of_a_file():
    paths = [path for setup in PUBLIC.values() for data in setup.values() for path in data.paths]
    assert sorted(paths) == sorted(pinned_files.registry())
    assert len(set(paths)) == len(paths)
    assert all(len(sha256) == 64 for sha256 in pinned_files.registry().values())


def test_every_public_setup_of_the_catalogue_can_be_fetched():
    for name in setups.names():
        place = setups.locate(name, data_dir=None)
        if place.public:
            assert set(place.missing) <= set(PUBLIC[place.holder])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("intents", None),
        ("commerce", {"product_match", "product_category", "emotions", "aspect_terms"}),
        ("census", None),
    ],
)
def test_every_table_is_what_it_is_known_to_be(raw, public_data, tmp_path, name, data):
    known = public_data(name) / name
    _fetch(name, tmp_path / name, raw, data)
    assert {path.name for path in (tmp_path / name).iterdir()} == set(data or PUBLIC[name])
    for folder in (tmp_path / name).iterdir():
        for split in SPLITS:
            made, wanted = (_table(root / folder.name / f"{split}.parquet") for root in (tmp_path / name, known))
            assert made.column_names == wanted.column_names
            assert wanted.cast(made.schema).equals(made), f"{folder.name}/{split}"


def _archive(*rows):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("reviews/picture.png", b"")
        archive.writestr("reviews/Reviews.csv", "\n".join([HEADER, *rows]))
    return content.getvalue()


def test_reviews_are_those_that_say_something_each_once(origin, tmp_path, monkeypatch):
    texts = [f"text {at}" for at in range(40)]
    rows = [f'{at},{at + 7},30,Fine,"{text}",4,1,2,General,Tops,Knits' for at, text in enumerate(texts)]
    content = _archive('0,1,33,,"  text, 0\n""two""  ",5,1,0,Initmates,,', *rows, "9,9,9,None,,1,0,0,,,", rows[3])
    monkeypatch.setattr(pinned_files, "registry", lambda: {REVIEWS: hashlib.sha256(content).hexdigest()})
    monkeypatch.setitem(origin.pages, REVIEWS, content)
    _fetch("commerce", tmp_path / "commerce", origin, {"review_rating"})
    tables = {split: _table(tmp_path / "commerce" / "review_rating" / f"{split}.parquet") for split in SPLITS}
    found = {split: table["text"].to_pylist() for split, table in tables.items()}
    every = ['text, 0\n"two"', *texts]
    assert found == {split: [text for text in every if draw(text) == split] for split in SPLITS}
    assert tables[draw(every[0])].slice(0, 1).to_pylist() == [
        {
            "title": "",
            "text": every[0],
            "rating": 5.0,
            "recommended": 1,
            "department": "",
            "class_name": "",
            "positive_feedback": 0,
            "age": 33,
            "clothing_id": 1,
        }
    ]


def test_a_file_that_cannot_be_had_leaves_no_table_of_any_task(origin, tmp_path, cache, monkeypatch):
    content = _archive("0,1,33,,said,5,1,0,,,")
    known = {**pinned_files.registry(), REVIEWS: hashlib.sha256(content).hexdigest()}
    monkeypatch.setattr(pinned_files, "registry", lambda: known)
    monkeypatch.setattr(origin, "pages", {REVIEWS: content})
    monkeypatch.setattr(origin, "folder", tmp_path / "nothing")
    with pytest.raises(MtlkdError):
        _fetch("commerce", tmp_path / "commerce", origin, {"review_rating", "aspect_terms"})
    assert not (tmp_path / "commerce").exists()
    assert [path.name for path in cache.rglob("*") if path.is_file()] == [REVIEWS.rpartition("/")[2]]


def test_without_a_cache_nothing_but_the_tables_is_left(origin, tmp_path, monkeypatch):
    content = _archive("0,1,33,,said,5,1,0,,,")
    monkeypatch.setenv("MTLKD_CACHE", "")
    monkeypatch.setattr(pinned_files, "registry", lambda: {REVIEWS: hashlib.sha256(content).hexdigest()})
    monkeypatch.setitem(origin.pages, REVIEWS, content)
    _fetch("commerce", tmp_path / "commerce", origin, {"review_rating"})
    assert [path.name for path in tmp_path.iterdir()] == ["commerce"]
    assert [path.name for path in (tmp_path / "commerce").iterdir()] == ["review_rating"]
