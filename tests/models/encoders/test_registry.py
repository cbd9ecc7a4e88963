import pytest

from ray_mtlkd.data.inputs import BagFeatures, DenseFeatures, TokenFeatures
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
def test_an_unknown_encoder_lists_the_known(value):
    with pytest.raises(MtlkdError, match="unknown encoder") as caught:
        decode_part(ENCODERS, value, where="encoder")
    assert all(name in caught.value.fix for name in ENCODERS)


def test_a_mapping_without_a_name_says_so():
    with pytest.raises(MtlkdError, match=r"^encoder.name: missing; use one of: bag, cnn, mlp, transformer$"):
        decode_part(ENCODERS, {"hidden": [4]}, where="encoder")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"name": "mlp", "hiden": [4]}, "did you mean 'hidden'"),
        ({"name": "mlp", "hidden": "64"}, "encoder.hidden"),
        ({"name": "mlp", "hidden": []}, "hidden must name one width or more"),
        ({"name": "mlp", "hidden": [4, 0]}, "hidden must name one width or more, each at least 1"),
        ({"name": "mlp", "embedding": 0}, "embedding must be at least 1"),
        ({"name": "mlp", "number_embedding": 0}, "number_embedding must be at least 1"),
        ({"name": "mlp", "rare": 0}, "rare must be at least 1"),
        ({"name": "mlp", "bins": -1}, "bins must be 0 or above"),
        ({"name": "mlp", "dropout": 1.0}, "dropout must be at least 0 and below 1"),
        ({"name": "bag", "dropout": -0.1}, "dropout must be at least 0 and below 1"),
        ({"name": "bag", "buckets": 0}, "buckets must be at least 1"),
        ({"name": "bag", "join": 0}, "join must be at least 1"),
        ({"name": "cnn", "widths": [1, 2]}, "widths must be odd"),
        ({"name": "cnn", "channels": 0}, "channels must be at least 1"),
        ({"name": "cnn", "max_length": 0}, "max_length must be at least 1"),
        ({"name": "cnn", "wide": -1}, "wide must be 0 or above"),
        ({"name": "cnn", "letters": 2}, "letters must be 0 or at least 3"),
        ({"name": "bag", "letters": 1}, "letters must be 0 or at least 3"),
        ({"name": "cnn", "ngrams": 0}, "ngrams must be at least 1"),
        ({"name": "cnn", "word_dropout": 1.0}, "word_dropout must be at least 0 and below 1"),
        ({"name": "transformer", "embedding": 7, "attention_heads": 1}, "embedding must be even"),
        ({"name": "transformer", "embedding": 6}, "attention_heads must divide embedding"),
        ({"name": "transformer", "layers": 0}, "layers must be at least 1"),
        ({"name": "transformer", "word_dropout": -0.1}, "word_dropout must be at least 0 and below 1"),
    ],
)
def test_a_wrong_hyper_parameter_is_an_error_at_the_door(value, said):
    with pytest.raises(MtlkdError) as caught:
        decode_part(ENCODERS, value, where="encoder")
    assert said in str(caught.value)
