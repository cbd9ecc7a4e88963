"""The rules that every encoder keeps, for every kind of task and form of inputs that it serves."""

from dataclasses import dataclass, fields

import pytest
import torch

from ray_mtlkd.data.inputs import text_of
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders import ENCODERS
from ray_mtlkd.models.encoders.hf.encoder import PretrainedEncoder
from ray_mtlkd.registry import decode_part
from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.testing import check_encoder
from ray_mtlkd.testing.examples import BUCKETS, LENGTHS, Example, examples_of
from ray_mtlkd.training.step.losses import losses

DRAWN = {name: encoder for name, encoder in ENCODERS.items() if encoder is not PretrainedEncoder}
"""All but the one that starts from a folder, which `hf/` beside this file holds to the same."""
INSIDE = {"mixed": {"text": "cnn", "columns": "mlp"}}
"""Encoders that one must be told of."""


def encoder_of(name, **settings):
    """An encoder as it is unless told."""
    return decode_part(ENCODERS, {"name": name, **INSIDE.get(name, {}), **settings}, where="encoder")


def still(name):
    """What is said of an encoder without chance."""
    dropouts = [field.name for field in fields(DRAWN[name]) if field.name.endswith("dropout")]
    return {
        "name": name,
        **dict.fromkeys(dropouts, 0.0),
        **{part: still(of) for part, of in INSIDE.get(name, {}).items()},
    }


def loss(task, outputs, labels):
    groups = torch.tensor([0, len(outputs)]) if kind_of(task).per_group else None
    (value,) = losses([task], [outputs], [labels], groups=[groups])
    return value


@dataclass(frozen=True, kw_only=True)
class Case(Example):
    """What an encoder serves."""

    encoder: str


def labels_of(case, lengths):
    """Learnable labels of the right shape."""
    rows = sum(lengths) if case.kind == "tagging" else len(lengths)
    if case.kind in {"multiclass", "tagging"}:
        return torch.arange(rows) % 3
    if case.kind == "ranking":
        return (torch.arange(rows) == 1).float()
    if case.kind == "regression":
        return torch.linspace(-1, 1, rows)
    shape = (rows,) if case.kind == "binary" else (rows, 3)
    return (torch.rand(shape, generator=torch.Generator().manual_seed(1)) < 0.5).float()


def network(case, *, tasks=1, config=None, seed=0):
    """A network for that many tasks of the case."""
    torch.manual_seed(seed)
    return build(Architecture(encoder=config or encoder_of(case.encoder)), [(case.task, case.layout)] * tasks)


CASES = [
    Case(example.kind, example.form, example.is_pair, example.parts, encoder=name)
    for name in DRAWN
    for example in examples_of(encoder_of(name))
]


def name_of(case):
    return f"{case.encoder}-{case.kind}{'-pair' if case.is_pair else ''}"


every_case = pytest.mark.parametrize("case", CASES, ids=name_of)


@every_case
def test_outputs_have_the_shape_that_the_loss_expects(case):
    assert loss(case.task, network(case)(0, case.inputs()), labels_of(case, LENGTHS)).isfinite()


@every_case
def test_dropout_makes_training_differ_from_step_to_step(case):
    model, inputs = network(case, config=encoder_of(case.encoder, dropout=0.5)), case.inputs()
    assert not torch.equal(model(0, inputs), model(0, inputs))


@pytest.mark.parametrize("name", DRAWN)
def test_every_encoder_keeps_its_promises(name):
    check_encoder(encoder_of(name))


@every_case
def test_a_small_table_can_be_learned_by_heart(case):
    model, inputs = network(case, config=encoder_of(**still(case.encoder))), case.inputs()
    labels = labels_of(case, LENGTHS)
    sparse = model._sparse()
    dense = torch.optim.Adam([p for p in model.parameters() if id(p) not in sparse], lr=0.03)
    rows = [p for p in model.parameters() if id(p) in sparse]
    optimizers = [dense, *([torch.optim.SparseAdam(rows, lr=0.03)] if rows else [])]
    first = None
    for _ in range(35):
        model.zero_grad(set_to_none=True)
        found = loss(case.task, model(0, inputs), labels)
        first = found.item() if first is None else first
        if found < 0.1 * first:
            return
        found.backward()
        for optimizer in optimizers:
            optimizer.step()
    pytest.fail(f"from {first} to no less than {found}")


@every_case
def test_every_parameter_gets_a_gradient_and_only_hash_tables_a_sparse_one(case):
    model = network(case)
    outputs = model(0, case.inputs())
    loss(case.task, outputs, labels_of(case, LENGTHS)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.is_sparse == (id(parameter) in model._sparse()), name
        assert parameter.grad.is_sparse == (len(parameter) == BUCKETS), name


@every_case
def test_a_sparse_gradient_has_the_rows_that_the_batch_reads_alone(case):
    model, inputs = network(case), case.inputs([1, 1])
    loss(case.task, model(0, inputs), labels_of(case, [1, 1])).backward()
    texts = text_of(inputs)
    sides = [texts.left, texts.right] if case.is_pair else [texts]
    for name, parameter in model.named_parameters():
        if parameter.grad.is_sparse:
            read = [side.bag.ids if "wide" in name else side.ids for side in sides]
            touched = set(parameter.grad.coalesce().indices()[0].tolist())
            assert touched == {number for ids in read for number in ids.flatten().tolist()}


@every_case
def test_two_tasks_share_the_encoder_and_one_task_owns_it(case):
    both, alone = network(case, tasks=2), network(case)
    encoder = {id(p) for p in both.encoder.parameters()}
    assert {id(p) for p in (*both.shared(), *both.shared_sparse())} == encoder
    assert len(both.last_shared()) > 0
    assert (alone.shared(), alone.shared_sparse(), alone.last_shared()) == ((), (), ())
    assert {id(p) for p in alone.own(0)} == {id(p) for p in alone.parameters()}


@every_case
def test_a_batch_of_one_task_leaves_the_others_own_parameters_alone(case):
    model = network(case, tasks=2)
    inputs = case.inputs()
    loss(case.task, model(0, inputs), labels_of(case, LENGTHS)).backward()
    assert all(p.grad is not None for p in (*model.own(0), *model.shared(), *model.shared_sparse()))
    assert all(p.grad is None for p in model.own(1))


@pytest.mark.parametrize("name", DRAWN)
def test_configurations_are_frozen_hashable_and_ask_for_features(name):
    config, same = encoder_of(name), DRAWN[name](**{part: ENCODERS[of]() for part, of in INSIDE.get(name, {}).items()})
    assert config == same
    assert hash(config.features) == hash(same.features)
    assert {"dropout", "join"} <= {field.name for field in fields(config)}


LAYERED = [case for case in CASES if not case.is_pair and case.encoder not in INSIDE]


@pytest.mark.parametrize("case", LAYERED, ids=name_of)
def test_an_ending_for_one_task_alone_makes_the_same_of_the_layers_states(case):
    """Every encoder of this package that has none inside is layers and an ending, which ways of sharing take apart."""
    taggers = [] if case.form != "Tokens" else [Example("tagging", "Tokens")]
    encoder = build(
        Architecture(encoder=encoder_of(case.encoder)), [(each.task, each.layout) for each in (*taggers, case)]
    ).encoder.eval()
    last, inputs, states = len(taggers), case.inputs(), None
    for layer in encoder.sequence:
        states = layer(states, inputs, last)
        assert states.shape[1] == layer.width
        assert layer.matrix() is None or len(layer.matrix()) == layer.width
    ending = encoder.ending.of(last).eval()
    (alone,) = ending(states, inputs, [0])
    assert torch.equal(alone, encoder(inputs, [last])[0])
    assert {id(p) for p in ending.parameters()} == {
        id(p) for part in encoder.ending.parts(last) for p in part.parameters()
    }
