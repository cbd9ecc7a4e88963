import pytest

from ray_mtlkd.data.features import BagFeatures, DenseFeatures, TokenFeatures
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders import ENCODERS
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.models.encoders.transformer import Transformer
from ray_mtlkd.registry import decode_part


def test_a_name_alone_means_the_defaults():
    assert decode_part(ENCODERS, "mlp", where="encoder") == Mlp()


def test_a_mapping_sets_hyper_parameters():
    assert decode_part(ENCODERS, {"name": "mlp", "hidden": [8, 4]}, where="encoder") == Mlp(hidden=(8, 4))


def test_a_mapping_is_read_and_not_changed():
    value = {"name": "bag", "dropout": 0.5}
    decode_part(ENCODERS, value, where="encoder")
    assert value == {"name": "bag", "dropout": 0.5}


def test_encoders_ask_for_features_by_their_own_settings():
    assert Mlp().features == DenseFeatures()
    assert Mlp(bins=7, rare=3).features == DenseFeatures(bins=7, rare=3)
    assert BagOfNgrams(buckets=64, ngrams=3, letters=0).features == BagFeatures(buckets=64, ngrams=3, letters=0)
    assert Transformer(buckets=64, max_length=9).features == TokenFeatures(buckets=64, max_length=9)
    beside = BagFeatures(buckets=64, ngrams=1, letters=5)
    found = Cnn(buckets=64, ngrams=1, letters=5, max_length=9).features
    assert found == TokenFeatures(buckets=64, max_length=9, bag=beside)
    assert Cnn(wide=0).features.bag is None


@pytest.mark.parametrize("value", ["mpl", {"name": "mpl"}, 3, None, {"name": ["mlp"]}])
def test_an_unknown_encoder_lists_the_known(value, refused):
    with refused() as caught:
        decode_part(ENCODERS, value, where="encoder")
    assert caught.value.fix.endswith(", ".join(sorted(ENCODERS)))


def test_a_mapping_without_a_name_says_so(refused):
    with refused():
        decode_part(ENCODERS, {"hidden": [4]}, where="encoder")


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"name": "mlp", "hiden": [4]}, "hiden"),
        ({"name": "mlp", "hidden": "64"}, "hidden"),
        ({"name": "mlp", "hidden": []}, "hidden"),
        ({"name": "mlp", "hidden": [4, 0]}, "hidden[1]"),
        ({"name": "mlp", "embedding": 0}, "embedding"),
        ({"name": "mlp", "number_embedding": 0}, "number_embedding"),
        ({"name": "mlp", "rare": 0}, "rare"),
        ({"name": "mlp", "bins": -1}, "bins"),
        ({"name": "mlp", "dropout": 1.0}, "dropout"),
        ({"name": "bag", "dropout": -0.1}, "dropout"),
        ({"name": "bag", "buckets": 0}, "buckets"),
        ({"name": "bag", "join": 0}, "join"),
        ({"name": "bag", "hidden": []}, "hidden"),
        ({"name": "bag", "letters": 1}, "letters"),
        ({"name": "cnn", "widths": [1, 2]}, "widths[1]"),
        ({"name": "cnn", "widths": []}, "widths"),
        ({"name": "cnn", "channels": 0}, "channels"),
        ({"name": "cnn", "max_length": 0}, "max_length"),
        ({"name": "cnn", "wide": -1}, "wide"),
        ({"name": "cnn", "letters": 2}, "letters"),
        ({"name": "cnn", "ngrams": 0}, "ngrams"),
        ({"name": "cnn", "word_dropout": 1.0}, "word_dropout"),
        ({"name": "transformer", "embedding": 7, "attention_heads": 1}, "embedding"),
        ({"name": "transformer", "embedding": 6}, "attention_heads"),
        ({"name": "transformer", "layers": 0}, "layers"),
        ({"name": "transformer", "word_dropout": -0.1}, "word_dropout"),
    ],
    ids=str,
)
def test_a_wrong_hyper_parameter_is_an_error_at_its_key(value, place):
    with pytest.raises(MtlkdError) as caught:
        decode_part(ENCODERS, value, where="encoder")
    assert caught.value.where == f"encoder.{place}"


def test_an_encoder_s_mistakes_are_reported_together():
    with pytest.raises(ExceptionGroup) as caught:
        decode_part(ENCODERS, {"name": "cnn", "widths": [2], "dropout": 1, "letters": 2, "join": 0}, where="encoder")
    places = {problem.where for problem in caught.value.exceptions}
    assert places == {"encoder.widths[0]", "encoder.dropout", "encoder.letters", "encoder.join"}
