import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import HashingVectorizer

from ray_mtlkd.data.features import BagFeatures
from ray_mtlkd.setups.features import bag
from ray_mtlkd.setups.features.words import PATTERN, bucket, runs

FEATURES = BagFeatures(letters=0)


def read(*texts):
    return runs(pa.array(texts, pa.large_string()))


def fitted(*train):
    return bag.fit([[read(*train)]], FEATURES)[0][0]


def weights_of(weights, text):
    made = weights.transform(read(text))
    return dict(zip(made.ids.tolist(), made.weights.tolist(), strict=True))


def test_ngrams_have_the_same_ids_in_every_process_and_version():
    (counts,) = bag.count(read("Pay now, pay!"), FEATURES)
    found = dict(zip(counts.indices.tolist(), counts.data.tolist(), strict=True))
    assert found == {2579: 1, 5641: 2, 7412: 1, 14322: 1, 55043: 1, 55737: 1, 62158: 1, 64870: 1}
    assert bucket("pay", 2**16) == 5641


def test_weights_are_sublinear_tf_times_idf_of_unit_length():
    weights = fitted("pay pay now", "pay you")
    found = weights_of(weights, "pay pay you")
    raw = {
        "pay": (1 + np.log(2)) * (1 + np.log(3 / 3)),
        "you": 1 + np.log(3 / 2),
        "pay pay": 1 + np.log(3 / 2),
        "pay you": 1 + np.log(3 / 2),
    }
    length = np.sqrt(sum(value**2 for value in raw.values()))
    assert sorted(found.values()) == pytest.approx(sorted(value / length for value in raw.values()))
    assert found[bucket("pay", 2**16)] == pytest.approx(raw["pay"] / length)


def test_an_ngram_that_no_train_table_shows_is_left_out():
    weights = fitted("pay now")
    assert weights_of(weights, "pay zebra") == {bucket("pay", 2**16): 1.0}
    assert weights_of(weights, "zebra") == {}


def test_an_ngram_that_another_task_shows_counts():
    (weights, _), _ = bag.fit([[read("pay now")], [read("zebra")]], FEATURES)
    assert bucket("zebra", 2**16) in weights_of(weights, "pay zebra")


def test_rows_lie_end_to_end():
    made = fitted("pay now").transform(read("pay", "", "pay now"))
    assert made.offsets.tolist() == [0, 1, 1, 4]
    assert (made.ids.dtype, made.weights.dtype, made.offsets.dtype) == (np.int64, np.float32, np.int64)


@pytest.mark.parametrize("ngrams", [1, 2, 3])
@given(texts=st.lists(st.text("abA '-.1é\t\n中", max_size=20), min_size=1, max_size=5))
def test_counts_are_those_of_scikit_learn(ngrams, texts):
    vectorizer = HashingVectorizer(
        n_features=97, ngram_range=(1, ngrams), token_pattern=PATTERN.pattern, alternate_sign=False, norm=None
    )
    (found,) = bag.count(read(*texts), BagFeatures(buckets=97, ngrams=ngrams, letters=0))
    np.testing.assert_array_equal(found.toarray(), vectorizer.transform(texts).toarray())


LETTERS = BagFeatures(letters=5, buckets=2**12)


@given(st.lists(st.text(alphabet="aB é-'7!", max_size=12), max_size=4))
def test_ngrams_of_letters_are_scikit_learn_s(texts):
    reference = HashingVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), n_features=2**12, alternate_sign=False, norm=None
    )
    _, letters = bag.count(read(*texts, "a word"), LETTERS)
    assert (letters != reference.transform([*texts, "a word"])).nnz == 0


def test_letters_have_a_part_of_the_table_of_their_own_and_each_part_unit_length():
    ((weights, _),) = bag.fit([[read("pay now", "payment later")]], LETTERS)
    made = weights.transform(read("pay later"))
    assert weights.layout.buckets == 2 * 2**12
    words = made.ids < 2**12
    for part in (words, ~words):
        assert np.linalg.norm(made.weights[part]) == pytest.approx(1.0)


def test_a_word_that_train_never_shows_is_known_by_its_letters():
    ((weights, _),) = bag.fit([[read("payment", "cancelled")]], LETTERS)
    made = weights.transform(read("payments"))
    assert len(made.ids) > 3
    assert (made.ids >= 2**12).all()


def test_among_many_texts_an_ngram_must_stand_in_two():
    few, many = ["pay twice", "pay once"], ["pay"] * bag.MANY_TEXTS
    assert weights_of(fitted(*few), "twice") != {}
    assert weights_of(fitted(*few, *many), "twice") == {}
    assert weights_of(fitted(*few, *many, "twice"), "twice") != {}


def test_long_ngrams_of_many_words_are_scikit_learn_s():
    # more distinct pairs times words than 32 bits count
    order = np.random.default_rng(0).permutation(np.repeat(np.arange(50_000), 2))
    text = " ".join(f"w{number}" for number in order)
    (found,) = bag.count(read(text), BagFeatures(ngrams=3, letters=0))
    reference = HashingVectorizer(n_features=2**16, ngram_range=(1, 3), alternate_sign=False, norm=None)
    assert (found != reference.transform([text])).nnz == 0
