from dataclasses import fields

import numpy as np
import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.predicted import checksum, read, to_bytes
from tests.predictions import predicted

ROWS = 500


@pytest.fixture
def parts():
    rng = np.random.default_rng(0)
    likeliest = np.argsort(rng.random((ROWS, 4)), axis=1)[:, :3].astype(np.int32)
    sure = {"likeliest": likeliest, "probabilities": rng.random((ROWS, 3)).astype(np.float16)}
    classes = [
        predicted("multiclass", "accuracy", rng.integers(-1, 4, ROWS), task="topic", split=split, **sure)
        for split in ("valid", "test")
    ]
    queries = predicted(
        "ranking",
        "ndcg@10",
        rng.integers(0, 2, ROWS),
        task="find",
        outputs=rng.normal(size=ROWS).astype(np.float32),
        offsets=np.arange(0, ROWS + 1, 5),
        rows=rng.permutation(ROWS).astype(np.int32),
    )
    outputs = rng.normal(size=(ROWS, 2)).astype(np.float32)
    labels = predicted("multilabel", "auc", rng.integers(0, 2, (ROWS, 3)), task="tags", outputs=outputs)
    return [*classes, queries, labels]


def _same(first, second):
    for field in fields(first):
        was, now = getattr(first, field.name), getattr(second, field.name)
        if isinstance(was, np.ndarray):
            assert was.dtype == now.dtype
            np.testing.assert_array_equal(was, now, err_msg=field.name)
        else:
            assert was == now, field.name


def test_what_is_written_is_read_again_task_by_task(parts):
    data = to_bytes(parts)
    for split in ("valid", "test"):
        found = list(read(data, expected=checksum(data), split=split, where="file"))
        wanted = [part for part in parts if part.split == split]
        assert len(found) == len(wanted)
        for was, now in zip(wanted, found, strict=True):
            _same(was, now)


def test_the_same_predictions_are_the_same_bytes(parts):
    assert to_bytes(parts) == to_bytes(list(parts))


def test_a_file_is_smaller_than_its_numbers(parts):
    assert len(to_bytes(parts)) < sum(part.nbytes for part in parts)


@pytest.mark.parametrize("at", [0, 500, -1])
def test_a_byte_that_has_changed_is_told(parts, at):
    data = to_bytes(parts)
    damaged = bytearray(data)
    damaged[at] ^= 1
    with pytest.raises(MtlkdError) as told:
        next(read(bytes(damaged), expected=checksum(data), split="test", where="here.parquet"))
    assert told.value.where == "here.parquet"


def test_a_file_of_something_else_is_told():
    data = b"PAR1 and more"
    with pytest.raises(MtlkdError) as told:
        next(read(data, expected=checksum(data), split="test", where="here.parquet"))
    assert told.value.where == "here.parquet"
