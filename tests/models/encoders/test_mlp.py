import pytest
import torch

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.build import build
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.tasks.inputs import Dense, DenseTokens, Layout
from ray_mtlkd.tasks.task import Task

SAME = Layout(form="Dense", width=3, columns=("a", "b", "c"))
OTHER = Layout(form="Dense", width=3, columns=("a", "b", "d"))
WIDER = Layout(form="Dense", width=4, cardinalities=(6,))
TOKENS = Layout(form="DenseTokens", width=3, columns=("a", "b", "c"))


def task(name, kind="binary"):
    return Task(name=name, kind=kind, metric="-", classes=("O", "B-x") if kind == "tagging" else ())


def identities(parameters):
    return {id(p) for p in parameters}


def test_tasks_with_the_same_columns_share_the_input_layer_and_others_have_their_own():
    model = build(Mlp(), [(task("x"), SAME), (task("y"), SAME), (task("z"), OTHER)])
    first = [part.parameters() for part in model.encoder.first]
    assert len(first) == 2
    assert identities(first[0]) < identities(model.shared())
    assert identities(first[1]) < identities(model.own(2))
    assert identities(model.encoder.trunk.parameters()) == identities(model.last_shared())


def test_five_tables_with_different_columns_share_the_layers_above():
    layouts = [Layout(form="Dense", width=width, cardinalities=(3,)) for width in range(1, 6)]
    model = build(Mlp(), [(task(str(at)), layout) for at, layout in enumerate(layouts)])
    assert identities(model.shared()) == identities(model.encoder.trunk.parameters())
    for at, layout in enumerate(layouts):
        assert model(at, Dense(torch.zeros(2, layout.width), torch.zeros(2, 1, dtype=torch.int64))).shape == (2,)


def test_a_sequence_of_the_same_columns_goes_through_the_same_input_layer():
    model = build(Mlp(), [(task("x"), SAME), (task("t", "tagging"), TOKENS)])
    assert len(model.encoder.first) == 1
    values = torch.randn(4, 3)
    rows = model.encoder(Dense(values, torch.zeros(4, 0, dtype=torch.int64)), [0])[0]
    assert torch.equal(model.encoder(DenseTokens(values, torch.tensor([0, 1, 4])), [1])[0], rows)


def test_one_hidden_layer_over_different_columns_would_share_nothing_and_is_refused():
    with pytest.raises(MtlkdError, match=r"encoder.hidden: with one hidden layer, 2 sets of columns have no layer"):
        build(Mlp(hidden=(8,)), [(task("x"), SAME), (task("y"), WIDER)])
    assert build(Mlp(hidden=(8,)), [(task("x"), SAME), (task("y"), SAME)]).shared()


def test_every_categorical_column_counts():
    model = build(Mlp(), [(task("x"), Layout(form="Dense", width=0, cardinalities=(4, 4)))]).eval()
    codes = torch.tensor([[1, 1], [2, 1], [1, 2]])
    assert len(model(0, Dense(torch.zeros(3, 0), codes)).unique()) == 3
