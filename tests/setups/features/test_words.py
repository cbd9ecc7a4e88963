import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ray_mtlkd.setups.features.words import PATTERN, runs, split


def words_of(*texts):
    found = split(runs(pa.array(texts, pa.large_string())), PATTERN)
    assert len(set(found.distinct)) == len(found.distinct)
    words = [found.distinct[code] for code in found.codes]
    return [words[start:end] for start, end in zip(found.offsets[:-1], found.offsets[1:], strict=True)]


def test_words_keep_their_apostrophe_and_signs_stand_alone():
    assert words_of("I don't pay 3.50€!") == [["I", "don't", "pay", "3", ".", "50", "€", "!"]]


def test_words_of_several_texts_keep_their_order():
    assert words_of("pay now, pay", "", " \t", "now pay") == [["pay", "now", ",", "pay"], [], [], ["now", "pay"]]


@given(st.lists(st.text(max_size=30), max_size=6))
def test_cutting_at_white_space_first_changes_no_word(texts):
    assert words_of(*texts) == [PATTERN.findall(text) for text in texts]


def test_a_slice_of_a_column_is_read_as_it_would_be_alone():
    whole = pa.array(["pay now", "hello you", "oh"], pa.large_string())
    assert runs(whole.slice(1, 1)).distinct == runs(pa.array(["hello you"], pa.large_string())).distinct


def test_lower_case_joins_words():
    found = runs(pa.array(["Pay pay PAY now"], pa.large_string())).lower()
    assert found.distinct == ["pay", "now"]
    assert found.codes.tolist() == [0, 0, 0, 1]
