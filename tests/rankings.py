"""A small setup of two tasks: candidates of queries to be ranked, whose rows lie in any order, and texts to be told."""

import random

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

WORDS = [first + last for first in ("ba", "co", "di", "fu", "ge", "ho") for last in ("lat", "mer", "nix", "pod", "rus")]
QUERIES = {"train": 60, "valid": 30, "test": 30}
MANIFEST = {
    "name": "finder",
    "tasks": {
        "find": {
            "kind": "ranking",
            "data": "find",
            "pair": ["query", "document"],
            "group": "query_id",
            "label": "relevance",
            "metric": "ndcg@3",
        },
        "tell": {"kind": "binary", "data": "tell", "text": ["text"], "label": "label", "metric": "f1"},
    },
}


def candidates(split):
    """One row a candidate: its relevance is how many of the query's two words it has, or for one in four anything."""
    rng = random.Random(split)
    rows = []
    for number in range(QUERIES[split]):
        words = rng.sample(WORDS, 2)
        query = " ".join(words)
        for at in range(rng.randint(3, 7)):
            relevance = 0 if number == 0 or at > 1 else rng.choice([1, 2])
            shared = relevance if rng.random() < 0.75 else rng.randint(0, 2)
            others = rng.sample([word for word in WORDS if word not in words], 4)
            document = rng.sample([*words[:shared], *others], 4 + shared)
            rows.append(
                {"query_id": number, "query": query, "document": " ".join(document), "relevance": float(relevance)}
            )
    rng.shuffle(rows)
    return pa.Table.from_pylist(rows)


def texts(split):
    """Texts that have a certain word, or not."""
    rng = random.Random(f"tell {split}")
    rows = [" ".join(rng.sample(WORDS[:8], 3)) for _ in range(120)]
    return pa.table({"text": rows, "label": [int(WORDS[0] in row) for row in rows]})


def write(folder, **changes):
    """The setup's files, with keys of the ranking replaced; returns its manifest."""
    tasks = {**MANIFEST["tasks"], "find": {**MANIFEST["tasks"]["find"], **changes}}
    path = folder / "finder.yaml"
    path.write_text(yaml.safe_dump({**MANIFEST, "tasks": tasks}))
    for data, make in (("find", candidates), ("tell", texts)):
        (folder / data).mkdir(exist_ok=True)
        for split in QUERIES:
            pq.write_table(make(split), folder / data / f"{split}.parquet")
    return path
