"""Five tables of online shops, of five origins."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

# What is parsed is known by its checksum, and Python's parser expands no entity of another file.
from xml.etree import ElementTree as ET

import pyarrow as pa

from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.setups.manifest import Manifest
from ray_mtlkd.setups.public.origin import PinnedFiles, PublicData, Tables, split_by

_PAIRS = "data/er_magellan/Structured/Walmart-Amazon/{}.txt"
_PRODUCTS = "pricerunner_aggregate.csv"
_EMOTIONS = "data/original/{}.tsv"
_REVIEWS = "womens-ecommerce-clothing-reviews.zip"
_ASPECTS = "data/MAMS-ATSA/raw/{}.xml"
_NAMES: dict[str, dict[Split, str]] = {
    _PAIRS: {"train": "train", "valid": "valid", "test": "test"},
    _EMOTIONS: {"train": "train", "valid": "dev", "test": "test"},
    _ASPECTS: {"train": "train", "valid": "val", "test": "test"},
}
_FIELDS = ("title", "category", "brand", "modelno", "price")
_SENTIMENTS = {"negative": 1, "neutral": 3, "positive": 5}
_BEGIN, _INSIDE = 1, 2


def _files(path: str) -> tuple[str, ...]:
    return tuple(path.format(name) for name in _NAMES[path].values())


def _pairs(manifest: Manifest, folders: tuple[Path, ...]) -> Tables:  # noqa: ARG001 - labels are numbers there
    """Records of two shops, ``COL name VAL value …`` each, and whether they are one product."""
    found = {}
    for split in SPLITS:
        rows = [line.split("\t") for line in _lines(folders[0] / _PAIRS.format(_NAMES[_PAIRS][split]))]
        records = {side: [_record(row[at]) for row in rows] for at, side in enumerate(("left", "right"))}
        texts = [[" ; ".join(filter(None, record.values())) for record in records[side]] for side in records]
        fields = {f"{side}_{name}": [record[name] for record in records[side]] for side in records for name in _FIELDS}
        labels = pa.array([int(row[2]) for row in rows], pa.int8())
        found[split] = pa.table({"text_a": texts[0], "text_b": texts[1], "label": labels, **fields})
    return found


def _record(said: str) -> dict[str, str]:
    parts = (part.split(" VAL", 1) for part in f" {said}".split(" COL ")[1:])
    return {name.strip(): value.strip() for name, value in parts}


def _categories(manifest: Manifest, folders: tuple[Path, ...]) -> Tables:
    """Titles, the first of each; those of one product go to one part."""
    codes = {name: code for code, name in enumerate(manifest.tasks["product_category"].class_names)}
    rows: dict[str, list[str]] = {}
    with (folders[0] / _PRODUCTS).open(encoding="utf-8", newline="") as lines:
        for row in csv.reader(lines):
            rows.setdefault(row[1].strip(), row)
    clusters = [row[3] for row in rows.values()]
    table = pa.table(
        {
            "text": list(rows),
            "label": pa.array([codes[row[6].strip()] for row in rows.values()], pa.int8()),
            "cluster_id": [int(cluster) for cluster in clusters],
            "merchant_id": [int(row[2]) for row in rows.values()],
        }
    )
    return split_by(clusters, table)


def _emotions(manifest: Manifest, folders: tuple[Path, ...]) -> Tables:  # noqa: ARG001 - labels are numbers there
    """Comments, the numbers of their labels, and their names."""
    found = {}
    for split in SPLITS:
        rows = [line.split("\t") for line in _lines(folders[0] / _EMOTIONS.format(_NAMES[_EMOTIONS][split]))]
        labels = pa.array([[int(code) for code in row[1].split(",")] for row in rows], pa.list_(pa.int8()))
        found[split] = pa.table(
            {"text": [row[0].strip() for row in rows], "labels": labels, "comment_id": [r[2] for r in rows]}
        )
    return found


def _ratings(manifest: Manifest, folders: tuple[Path, ...]) -> Tables:  # noqa: ARG001 - labels are numbers there
    """Reviews that say something, each text once."""
    with zipfile.ZipFile(folders[0] / _REVIEWS) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".csv"))
        text = archive.read(name).decode("utf-8")
    rows: dict[str, dict[str, str]] = {}
    for row in csv.DictReader(io.StringIO(text, newline="")):
        if said := row["Review Text"].strip():
            rows.setdefault(said, row)
    every = list(rows.values())
    numbers = {
        "recommended": "Recommended IND",
        "positive_feedback": "Positive Feedback Count",
        "age": "Age",
        "clothing_id": "Clothing ID",
    }
    whole = {name: pa.array([int(row[column]) for row in every], pa.int32()) for name, column in numbers.items()}
    table = pa.table(
        {
            "title": [row["Title"].strip() for row in every],
            "text": list(rows),
            "rating": pa.array([float(row["Rating"]) for row in every], pa.float32()),
            "recommended": whole["recommended"],
            "department": [row["Department Name"] for row in every],
            "class_name": [row["Class Name"] for row in every],
            **{name: whole[name] for name in ("positive_feedback", "age", "clothing_id")},
        }
    )
    return split_by(list(rows), table)


def _aspects(manifest: Manifest, folders: tuple[Path, ...]) -> Tables:  # noqa: ARG001 - tags are numbers here
    """Sentences as words, and where in them aspects are named: BIO, also with the sentiment of each."""
    found = {}
    tags = pa.list_(pa.int8())
    for split in SPLITS:
        root = ET.parse(folders[0] / _ASPECTS.format(_NAMES[_ASPECTS][split])).getroot()  # noqa: S314 - see the import
        rows = [(sentence.findtext("text", ""), list(_spans(sentence))) for sentence in root.iter("sentence")]
        marked = [_marked(text, spans) for text, spans in rows]
        found[split] = pa.table(
            {
                "text": [text for text, _ in rows],
                "tokens": [tokens for tokens, _ in marked],
                "tags": pa.array([[_plain(tag) for tag in codes] for _, codes in marked], tags),
                "tags_polarity": pa.array([codes for _, codes in marked], tags),
            }
        )
    return found


def _spans(sentence: ET.Element) -> Iterator[tuple[int, int, int]]:
    for term in sentence.iter("aspectTerm"):
        yield int(term.attrib["from"]), int(term.attrib["to"]), _SENTIMENTS[term.attrib["polarity"]]


def _marked(text: str, spans: list[tuple[int, int, int]]) -> tuple[list[str], list[int]]:
    """Words, and the tag of each; of spans that share a word the first, and of those the shorter, is taken."""
    words = list(re.finditer(r"\w+(?:'\w+)?|[^\w\s]", text))
    codes = [0] * len(words)
    for start, stop, begin in sorted(spans):
        touched = [at for at, word in enumerate(words) if word.start() < stop and word.end() > start]
        if touched and not any(codes[at] for at in touched):
            for at in touched:
                codes[at] = begin + (at > touched[0])
    return [word.group() for word in words], codes


def _plain(tag: int) -> int:
    """A tag without its sentiment."""
    return 0 if tag == 0 else _BEGIN if tag % 2 else _INSIDE


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")


DATA = {
    "product_match": PublicData(
        licence="none stated for the data (DeepMatcher); the repository that holds it: Apache-2.0",
        sources=(PinnedFiles(root="megagonlabs/ditto/52985564a93fb11308439516d3e17a033d43ec8f", files=_files(_PAIRS)),),
        read=_pairs,
    ),
    "product_category": PublicData(
        licence="CC BY 4.0 at UCI (Product Classification and Clustering); none stated in the repository that holds it",
        sources=(
            PinnedFiles(
                root="KelvinLam05/product_classification/af948551b9d73185a67a25e788c3f6d3479e83f2", files=(_PRODUCTS,)
            ),
        ),
        read=_categories,
    ),
    "emotions": PublicData(
        licence="Apache-2.0 (GoEmotions)",
        sources=(
            PinnedFiles(
                root="monologg/GoEmotions-pytorch/b75f9d3a8b76bc1060687925b04ca98a1b8ea66b", files=_files(_EMOTIONS)
            ),
        ),
        read=_emotions,
    ),
    "review_rating": PublicData(
        licence="CC0 at Kaggle (Women's E-Commerce Clothing Reviews); none stated in the repository that holds it",
        sources=(
            PinnedFiles(
                root="MichalSzopinski00/The-Best-Classifier/31a3d4bdcaf1499e4a8bfc74d4b935280a616d91", files=(_REVIEWS,)
            ),
        ),
        read=_ratings,
    ),
    "aspect_terms": PublicData(
        licence="Apache-2.0 (MAMS)",
        sources=(
            PinnedFiles(root="siat-nlp/MAMS-for-ABSA/cddcdb0f423b3fdb2c76b70744737abed3a00d17", files=_files(_ASPECTS)),
        ),
        read=_aspects,
    ),
}
