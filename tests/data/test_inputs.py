from dataclasses import fields, is_dataclass

import pytest
import torch

from ray_mtlkd.data.inputs import (
    Bag,
    Dense,
    DenseTokens,
    FirstPieces,
    Mixed,
    Pair,
    Pieces,
    Tokens,
    end_to_end,
    neighbours,
    structure,
    take,
    text_of,
    token_offsets,
)
from tests.flat_tables import mapped

OFFSETS = torch.tensor([0, 2, 2, 5, 6, 9, 9])
NGRAMS = torch.tensor([0, 1, 4, 4, 6, 7, 9])


def _bag():
    return Bag(torch.arange(100, 109), torch.rand(9), NGRAMS)


TABLES = {
    "dense": Dense(torch.rand(6, 3), torch.arange(12).view(6, 2)),
    "dense tokens": DenseTokens(torch.rand(9, 3), OFFSETS),
    "bag": _bag(),
    "tokens": Tokens(torch.arange(18).view(9, 2), OFFSETS),
    "tokens and bag": Tokens(torch.arange(18).view(9, 2), OFFSETS, _bag()),
    "pieces": Pieces(
        torch.arange(9, dtype=torch.int32),
        OFFSETS,
        torch.zeros(9, dtype=torch.int8),
        FirstPieces(torch.arange(9), NGRAMS),
    ),
    "pair": Pair(_bag(), _bag(), torch.rand(6, 2)),
    "mixed": Mixed(
        text=Tokens(torch.arange(18).view(9, 2), OFFSETS, _bag()),
        columns=Dense(torch.rand(6, 3), torch.arange(12).view(6, 2)),
    ),
    "one sort of several": Mixed(vector=DenseTokens(torch.rand(9, 3), OFFSETS)),
}


def _tensors(value):
    if is_dataclass(value):
        return [tensor for part in fields(value) for tensor in _tensors(getattr(value, part.name))]
    return [value] if isinstance(value, torch.Tensor) else []


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("bounds", [(0, 6), (0, 1), (1, 2), (1, 4), (3, 6), (5, 6)])
def test_neighbours_are_the_rows_that_their_numbers_name(name, bounds):
    table = TABLES[name]
    by_slice, by_number = take(table, slice(*bounds)), take(table, torch.arange(*bounds))
    for found, expected in zip(_tensors(by_slice), _tensors(by_number), strict=True):
        assert found.dtype == expected.dtype
        assert torch.equal(found, expected)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("rows", [slice(0, 6), torch.arange(6)], ids=["neighbours", "numbers"])
def test_what_is_taken_is_a_copy(name, rows):
    table = TABLES[name]
    before = [tensor.clone() for tensor in _tensors(table)]
    for tensor in _tensors(take(table, rows)):
        tensor.add_(1)
    assert all(torch.equal(now, then) for now, then in zip(_tensors(table), before, strict=True))


@pytest.mark.parametrize(
    ("rows", "expected"), [([3], slice(3, 4)), ([2, 3, 4], slice(2, 5)), ([2, 4], None), ([0, 1, 3], None)]
)
def test_rows_are_neighbours_where_none_between_them_is_left_out(rows, expected):
    found = neighbours(torch.tensor(rows))
    assert found == expected if expected is not None else found.tolist() == rows


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("sizes", [[6], [1, 4, 1], [2, 2, 2], [5, 1]])
def test_batches_gathered_at_once_are_the_batches_gathered_alone(name, sizes):
    table, rows = TABLES[name], torch.tensor([4, 0, 5, 2, 2, 1])
    found = table.batches(rows, sizes)
    for batch, part in zip(found, rows.split(sizes), strict=True):
        alone = take(table, part)
        assert all(torch.equal(*each) for each in zip(_tensors(batch), _tensors(alone), strict=True))


@pytest.mark.parametrize("name", TABLES)
def test_tables_end_to_end_have_the_rows_of_each_one_after_the_other(name):
    table = TABLES[name]
    several = [mapped(take(table, slice(*bounds)), torch.Tensor.numpy) for bounds in ((0, 2), (2, 5), (5, 6))]
    assert end_to_end(several[:1]) is several[0]
    for found, expected in zip(_tensors(mapped(end_to_end(several), torch.from_numpy)), _tensors(table), strict=True):
        assert found.dtype == expected.dtype
        assert torch.equal(found, expected)


def test_a_table_that_lacks_a_part_has_another_structure():
    assert structure(TABLES["tokens"]) == structure(mapped(TABLES["tokens"], torch.clone))
    assert len({structure(table) for table in TABLES.values()}) == len(TABLES)


def test_the_texts_and_tokens_of_mixed_inputs_are_those_of_the_part_that_has_them():
    mixed, alone = TABLES["mixed"], TABLES["one sort of several"]
    assert text_of(mixed) is mixed.text
    assert token_offsets(mixed) is OFFSETS
    assert text_of(alone) is None
    assert token_offsets(alone) is OFFSETS
    assert token_offsets(Mixed(columns=TABLES["dense"])) is None
    assert list(mixed.by_part()) == ["text", "columns"]
