import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ray_mtlkd.setups.features.tokens import WIDTH, HashedWords, hash_word, shape
from ray_mtlkd.setups.features.words import bucket, listed


def hash_tokens(rows, *, buckets, max_length):
    words = listed(pa.array(rows, pa.large_list(pa.large_string())))
    return HashedWords(buckets, max_length, as_given=True).transform(words)


def test_hashes_are_the_same_in_every_process_and_version():
    assert hash_word("Wi-12", 2**15) == (20806, 30880, 16168, 12965)
    assert hash_word("café", 2**15) == (30086, 32258, 150, 9127)
    assert bucket("pay", 2**16) == 5641


def test_a_shape_is_an_outline():
    shapes = [shape(word) for word in ("Wi-12", "hello", "ATM", "iPhone", "2024", "3.5mm", "...")]
    assert shapes == ["Xx-0", "x", "X", "xX", "0", "0.0x", "..."]


def test_case_changes_the_shape_alone():
    assert hash_word("Pay", 2**15)[:3] == hash_word("pay", 2**15)[:3]
    assert hash_word("Pay", 2**15)[3] != hash_word("pay", 2**15)[3]


def test_long_rows_are_cut_unless_told_otherwise():
    assert hash_tokens([["a", "b", "c"]], buckets=8, max_length=2).offsets.tolist() == [0, 2]
    assert hash_tokens([["a", "b", "c"]], buckets=8, max_length=None).offsets.tolist() == [0, 3]


def test_a_row_without_words_has_one_empty_word():
    tokens = hash_tokens([[], ["a"]], buckets=2**15, max_length=4)
    assert tokens.offsets.tolist() == [0, 1, 2]
    assert tuple(tokens.ids[0]) == hash_word("", 2**15)


@given(st.lists(st.lists(st.text(min_size=1), max_size=5), min_size=1, max_size=6), st.integers(1, 50))
def test_every_word_is_hashed_as_it_would_be_alone(rows, buckets):
    tokens = hash_tokens(rows, buckets=buckets, max_length=None)
    assert tokens.ids.shape == (tokens.offsets[-1], WIDTH)
    assert tokens.ids.flags.c_contiguous
    words = [word for row in rows for word in (row or [""])]
    assert [tuple(ids) for ids in tokens.ids] == [hash_word(word, buckets) for word in words]
