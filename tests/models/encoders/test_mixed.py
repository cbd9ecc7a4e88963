"""An encoder for each sort of inputs: who shares what, and what is said of an encoder that does not fit."""

from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from torch import nn

from ray_mtlkd.data.features import BagFeatures, DenseFeatures, MixedFeatures
from ray_mtlkd.decode import document
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.check import check_model
from ray_mtlkd.models.encoders import ENCODERS
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.base import Encoder, Forms
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.models.encoders.mixed import MixedEncoder
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.models.sharing import SHARING
from ray_mtlkd.models.sharing.interaction import Interaction
from ray_mtlkd.registry import decode_part, describe_part
from ray_mtlkd.testing import check_encoder, check_sharing
from ray_mtlkd.testing.examples import Example
from tests.sharings import EVERY

SMALL = Cnn(embedding=4, channels=3, widths=(1, 3), wide=2)
MIXED = MixedEncoder(text=SMALL, columns=Mlp(hidden=(6, 4)), vector=Mlp(hidden=(5,)), join=7)
OF_ROWS = MixedEncoder(text=BagOfNgrams(hidden=(4,)), columns=Mlp(hidden=(6, 4)), join=5)
LAYERED = ("hybrid", "low_level", "cross_stitch", "sluice", "adapters")
"""Ways of sharing that take layers apart."""
WORDS, TABLE, VECTOR = ("text", "Tokens"), ("columns", "Dense"), ("vector", "Dense")


def example(kind, *parts, is_pair=False):
    return Example(kind, "Mixed", is_pair, parts)


REVIEWS, OTHER = example("binary", WORDS, TABLE), example("regression", WORDS, TABLE)
TOPICS, PRICE = example("multiclass", WORDS), example("regression", TABLE)
TAGS, MATCH = example("tagging", WORDS), example("binary", WORDS, TABLE, is_pair=True)
ALL = (REVIEWS, OTHER, TOPICS, PRICE, TAGS, MATCH, example("multilabel", TABLE, VECTOR))


def model_of(*examples, encoder=MIXED, sharing=None):
    torch.manual_seed(0)
    architecture = Architecture(encoder=encoder) if sharing is None else Architecture(encoder=encoder, sharing=sharing)
    return build(architecture, [(each.task, each.layout) for each in examples])


def parameters_of(module):
    return {id(p) for p in module.parameters()}


def test_it_keeps_the_promises_of_an_encoder_on_three_sorts():
    check_encoder(MIXED)


@pytest.mark.parametrize("name", [name for name in EVERY if name not in LAYERED])
def test_ways_of_sharing_that_know_no_layers_keep_their_promises_on_it(name):
    check_sharing(EVERY[name], encoder=OF_ROWS)


@pytest.mark.parametrize("name", LAYERED)
def test_ways_of_sharing_that_are_made_of_layers_say_which_others_fit(refused, name):
    with refused() as caught:
        model_of(REVIEWS, TOPICS, sharing=EVERY[name])
    assert caught.value.where == "sharing"
    fitting = {name for name in SHARING if name not in LAYERED} | {"adapters of form lora or shared_lora"}
    assert all(each in caught.value.fix for each in fitting)


def test_tasks_share_the_encoders_of_what_they_have_in_common():
    model = model_of(*ALL)
    encoders, joins = model.encoder.encoders, model.encoder.joins
    shared = {id(p) for p in (*model.shared(), *model.shared_sparse())}
    assert parameters_of(encoders["text"]) <= shared
    assert parameters_of(encoders["columns"]) <= shared
    assert parameters_of(encoders["vector"]) <= {id(p) for p in model.own(6)}
    used = [{id(p) for p in model.used(task)} for task in range(len(ALL))]
    assert not used[2] & parameters_of(encoders["columns"])
    assert not used[3] & parameters_of(encoders["text"])
    (both,) = (name for name in joins if name.startswith("text") and "columns" in name)
    assert parameters_of(joins[both]) <= shared & used[0] & used[1]
    assert len(joins) == 3, "texts, pairs and vectors, each beside columns"


def test_what_it_says_of_tasks_of_many_sorts_is_what_autograd_says():
    check_model(model_of(*ALL), [each.inputs() for each in ALL], where="mixed")


def test_one_sort_alone_is_what_its_encoder_makes_of_it():
    encoder = model_of(REVIEWS, TOPICS).eval().encoder
    inputs = TOPICS.inputs()
    (found,) = encoder(inputs, [1])
    assert torch.equal(found, encoder.encoders["text"](inputs.text, [1])[0])
    assert encoder.width(1) == found.shape[1]
    assert (encoder.width(0), encoder(REVIEWS.inputs(), [0])[0].shape[1]) == (7, 7)


def test_tasks_of_the_same_sorts_read_the_same_tensor():
    found = model_of(REVIEWS, OTHER).encoder(REVIEWS.inputs(), [0, 1])
    assert found[0] is found[1]


def test_every_sort_reaches_the_outputs():
    model = model_of(REVIEWS, MATCH).eval()
    for task, each in enumerate((REVIEWS, MATCH)):
        inputs, other = each.inputs(), each.inputs(seed=9)
        for part in ("text", "columns"):
            changed = replace(inputs, **{part: getattr(other, part)})
            assert not torch.equal(model(task, changed), model(task, inputs))


def test_the_last_shared_layers_are_those_of_all_encoders_where_the_join_is_one_task_s_own():
    model = model_of(REVIEWS, TOPICS, PRICE)
    ends = [layers[-1] for layers in (model.encoder.encoders[part].layers for part in ("text", "columns"))]
    assert {id(p) for p in model.last_shared()} == {id(p) for layer in ends for p in layer.parameters()}
    joined = model_of(REVIEWS, OTHER)
    (join,) = joined.encoder.joins.values()
    assert {id(p) for p in joined.last_shared()} == parameters_of(join)


def test_only_tasks_of_the_same_sorts_read_each_other_s_predictions():
    narrow = replace(MIXED, columns=Mlp(hidden=(7,)))
    model = model_of(REVIEWS, OTHER, PRICE, encoder=narrow, sharing=Interaction())
    assert model.others == [[1], [0], []], "although all of their representations are of one width"


def test_first_layers_of_other_columns_are_not_pulled_together():
    model = model_of(REVIEWS, OTHER, sharing=EVERY["soft"])
    model.columns = [("a",), ("b",)]
    firsts = {id(p) for network in model.networks for part in network.entrances(0) for p in part.parameters()}
    pulled = {id(p) for group in model.counterparts() for p in group}
    assert pulled
    assert not pulled & firsts


def test_a_description_names_the_encoders_inside():
    described = describe_part(ENCODERS, MIXED)
    assert (described["name"], described["text"]["name"], described["columns"]["name"]) == ("mixed", "cnn", "mlp")
    assert described["text"]["dropout"] == 0.3, "every default is named"
    assert decode_part(ENCODERS, described, where="encoder") == MIXED
    alone = describe_part(ENCODERS, MixedEncoder(text=BagOfNgrams()))
    assert alone["columns"] is None


def test_it_asks_what_the_encoders_inside_ask():
    features = MixedEncoder(text=BagOfNgrams(), columns=Mlp(bins=3)).features
    assert features == MixedFeatures(text=BagFeatures(), columns=DenseFeatures(bins=3))
    assert list(features.by_part()) == ["text", "columns"]


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        ({}, "encoder"),
        ({"text": "mlp"}, "encoder.text"),
        ({"columns": "cnn"}, "encoder.columns"),
        ({"vector": {"name": "mixed", "columns": "mlp"}}, "encoder.vector"),
        ({"text": "cnnn"}, "encoder.text"),
        ({"text": {"channels": 3}}, "encoder.text.name"),
        ({"text": {"name": "cnn", "channels": 0}}, "encoder.text.channels"),
        ({"texts": "cnn", "columns": "mlp"}, "encoder.texts"),
        ({"columns": "mlp", "join": 0}, "encoder.join"),
    ],
    ids=str,
)
def test_a_mistake_is_told_at_its_place(refused, keys, where):
    with refused() as caught:
        decode_part(ENCODERS, {"name": "mixed", **keys}, where="encoder")
    assert caught.value.where == where


def test_every_mistake_inside_is_told():
    with pytest.raises(ExceptionGroup) as caught:
        decode_part(
            ENCODERS,
            {"name": "mixed", "text": {"name": "cnn", "channels": 0, "wide": -1}, "columns": "nobody"},
            where="encoder",
        )
    assert {error.where for error in caught.value.exceptions} == {
        "encoder.text.channels",
        "encoder.text.wide",
        "encoder.columns",
    }


def test_inputs_without_an_encoder_are_refused(refused):
    with refused() as caught:
        model_of(REVIEWS, encoder=MixedEncoder(text=Cnn()))
    assert caught.value.where == "encoder.columns"


def test_an_encoder_inside_that_does_not_fit_is_told_at_its_place(refused):
    other = replace(PRICE.layout, parts=(("columns", replace(dict(PRICE.layout.parts)["columns"], width=9)),))
    with refused() as caught:
        MixedEncoder(columns=Mlp(hidden=(4,))).build([PRICE.layout, other], ["regression", "regression"])
    assert caught.value.where == "encoder.columns.hidden"


@document
class _Sums:
    """Somebody else's encoder of columns: their sum."""

    name: ClassVar[str] = "sums"
    forms: ClassVar[Forms] = Forms(rows="Dense", tokens=None)
    dropout: float = 0.0
    join: int = 4

    @property
    def features(self):
        return DenseFeatures(bins=0)

    def build(self, layouts, kinds):
        return _SumOfColumns(layouts[0].width)


class _SumOfColumns(Encoder):
    def __init__(self, inputs):
        super().__init__()
        self.layer = nn.Linear(inputs, 1)

    def forward(self, inputs, tasks):
        return (self.layer(inputs.values),) * len(tasks)

    def width(self, task):
        return 1

    def parts(self, task):
        return (self.layer,)


def test_somebody_else_s_encoder_reads_its_sort_beside_others():
    reference = f"{__name__}:_Sums"
    value = {"name": "mixed", "text": {"name": "bag", "hidden": [4], "buckets": 50}, "columns": {"name": reference}}
    encoder = decode_part(ENCODERS, value, where="encoder")
    assert encoder.columns == _Sums()
    assert describe_part(ENCODERS, encoder)["columns"]["name"] == reference
    check_encoder(encoder)
