import numpy as np
import pytest

from ray_mtlkd.setups.features.overlap import NAMES, _measure, _words, overlap_features

LEFT = ["sony tv kdl-40 black", "canon ink", "hp printer 1200", "", "red shoe"]
RIGHT = ["sony kdl-40 television", "epson ink 5", "hp printer 1300", "x", "red shoe"]


def measure(left, right):
    idf = np.ones(_words(r"\w+").n_features)
    return dict(zip(NAMES, _measure(([left], [right]), idf)[0], strict=True))


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
    train = (["the sony", "the canon", "the hp"], ["the a", "the b", "the c"])
    rare, common = overlap_features(train, [(["the sony"], ["my sony"]), (["the sony"], ["the my"])])[1:]
    assert rare[0, 0] > common[0, 0]


def test_columns_are_standardised_on_train():
    table = overlap_features((LEFT, RIGHT), [])[0]
    assert table.shape == (5, len(NAMES))
    assert table.dtype == np.float32
    np.testing.assert_allclose(table.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(table.std(axis=0), 1, atol=1e-5)


def test_a_row_depends_on_train_and_itself_alone():
    whole = overlap_features((LEFT, RIGHT), [(LEFT[:3], RIGHT[:3])])[1]
    alone = overlap_features((LEFT, RIGHT), [(LEFT[1:2], RIGHT[1:2])])[1]
    np.testing.assert_array_equal(whole[1:2], alone)
