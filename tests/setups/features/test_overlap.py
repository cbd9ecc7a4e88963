import numpy as np
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import HashingVectorizer

from ray_mtlkd.setups.features.overlap import BUCKETS, NAMES, _measure, _Side, fit
from ray_mtlkd.setups.features.words import runs

LEFT = ["sony tv kdl-40 black", "canon ink", "hp printer 1200", "", "red shoe"]
RIGHT = ["sony kdl-40 television", "epson ink 5", "hp printer 1300", "x", "red shoe"]


def read(*texts):
    return runs(pa.array(texts, pa.large_string()))


def measure(left, right):
    row = _measure(_Side.of(read(left)), _Side.of(read(right)), np.ones(BUCKETS))[0]
    return dict(zip(NAMES, row, strict=True))


def test_equal_texts_overlap_wholly():
    found = measure("sony kdl-40", "sony kdl-40")
    assert list(found.values()) == pytest.approx([1.0] * len(NAMES))


def test_texts_without_a_common_word_do_not_overlap():
    found = measure("abc", "xyz 12")
    assert {name for name, value in found.items() if value > 0} == {"length ratio"}


def test_shares_are_told_apart_by_side():
    found = measure("sony tv", "sony tv kdl-40 black")
    assert found["weighted share of left in right"] == pytest.approx(1.0)
    assert found["weighted share of right in left"] == pytest.approx(0.5)
    assert found["jaccard"] == pytest.approx(0.5)
    assert found["length ratio"] == pytest.approx(0.5)


def test_numbers_and_codes_are_compared_by_themselves():
    found = measure("canon ink cli-8 500", "canon ink cli-9 500")
    assert found["share of left's numbers and codes in right"] == pytest.approx(0.5)
    assert found["both have numbers or codes"] == 1.0


def test_empty_texts_give_zeros():
    assert list(measure("", "").values()) == [0.0] * len(NAMES)


def test_rare_words_weigh_more():
    fitted, _ = fit(read("the sony", "the canon", "the hp"), read("the a", "the b", "the c"))
    rare, common = fitted.transform(read("the sony", "the sony"), read("my sony", "the my"))
    assert rare[0] > common[0]


def test_columns_are_standardised_on_train():
    table = fit(read(*LEFT), read(*RIGHT))[0].transform(read(*LEFT), read(*RIGHT))
    assert table.shape == (5, len(NAMES))
    assert table.dtype == np.float32
    np.testing.assert_allclose(table.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(table.std(axis=0), 1, atol=1e-5)


def test_a_row_depends_on_train_and_itself_alone():
    fitted, _ = fit(read(*LEFT), read(*RIGHT))
    whole = fitted.transform(read(*LEFT[:3]), read(*RIGHT[:3]))
    np.testing.assert_array_equal(whole[1:2], fitted.transform(read(LEFT[1]), read(RIGHT[1])))


@pytest.mark.parametrize("text", ["Kdl-40  television, 12 x", "a", "", "ab\tcd"])
def test_trigrams_are_those_of_scikit_learn(text):
    characters = HashingVectorizer(
        analyzer="char_wb", ngram_range=(3, 3), n_features=BUCKETS, alternate_sign=False
    ).transform([text])
    found = _Side.of(read(text)).trigrams
    assert (found != characters).nnz == 0
