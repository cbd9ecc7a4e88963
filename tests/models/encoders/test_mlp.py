from dataclasses import replace

import numpy as np
import pytest
import torch

from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Dense, DenseTokens, take
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders.mlp import CategoryEmbedding, Mlp, NumberEmbedding
from ray_mtlkd.tasks.task import Task

SAME = Layout(form="Dense", width=3, columns=("a", "b", "c"))
OTHER = Layout(form="Dense", width=3, columns=("a", "b", "d"))
WIDER = Layout(form="Dense", width=4, cardinalities=(6,))
EDGES = ((-1.0, 0.0, 0.5, 2.0), (0.0, 1.0), (-3.0, 3.0, 4.0))
BINNED = Layout(form="Dense", width=3, cardinalities=(4, 2), columns=("a", "b", "c", "d", "e"), edges=EDGES)
TOKENS = Layout(form="DenseTokens", width=3, columns=("a", "b", "c"))


def task(name, kind="binary"):
    return Task(name=name, kind=kind, metric="-", classes=("O", "B-x") if kind == "tagging" else ())


def identities(parameters):
    return {id(p) for p in parameters}


def test_tasks_with_the_same_columns_share_the_input_layer_and_others_have_their_own():
    model = build(Architecture(encoder=Mlp()), [(task("x"), SAME), (task("y"), SAME), (task("z"), OTHER)])
    first = [part.parameters() for part in model.encoder.layers[0].by_columns]
    assert len(first) == 2
    assert identities(first[0]) < identities(model.shared())
    assert identities(first[1]) < identities(model.own(2))
    assert identities(model.encoder.layers[1:].parameters()) == identities(model.last_shared())


def test_five_tables_with_different_columns_share_the_layers_above():
    layouts = [Layout(form="Dense", width=width, cardinalities=(3,)) for width in range(1, 6)]
    model = build(Architecture(encoder=Mlp()), [(task(str(at)), layout) for at, layout in enumerate(layouts)])
    assert identities(model.shared()) == identities(model.encoder.layers[1:].parameters())
    for at, layout in enumerate(layouts):
        assert model(at, Dense(torch.zeros(2, layout.width), torch.zeros(2, 1, dtype=torch.int64))).shape == (2,)


def test_a_sequence_of_the_same_columns_goes_through_the_same_input_layer():
    model = build(Architecture(encoder=Mlp()), [(task("x"), SAME), (task("t", "tagging"), TOKENS)])
    assert len(model.encoder.layers[0].by_columns) == 1
    values = torch.randn(4, 3)
    rows = model.encoder(Dense(values, torch.zeros(4, 0, dtype=torch.int64)), [0])[0]
    assert torch.equal(model.encoder(DenseTokens(values, torch.tensor([0, 1, 4])), [1])[0], rows)


def test_one_hidden_layer_over_different_columns_would_share_nothing_and_is_refused(refused):
    with refused():
        build(Architecture(encoder=Mlp(hidden=(8,))), [(task("x"), SAME), (task("y"), WIDER)])
    assert build(Architecture(encoder=Mlp(hidden=(8,))), [(task("x"), SAME), (task("y"), SAME)]).shared()


def test_every_categorical_column_counts():
    model = build(
        Architecture(encoder=Mlp()), [(task("x"), Layout(form="Dense", width=0, cardinalities=(4, 4)))]
    ).eval()
    codes = torch.tensor([[1, 1], [2, 1], [1, 2]])
    assert len(model(0, Dense(torch.zeros(3, 0), codes)).unique()) == 3


def rows(count, *, seed=0):
    draw = torch.Generator().manual_seed(seed)
    codes = [torch.randint(0, size, (count,), generator=draw) for size in BINNED.cardinalities]
    return Dense(2 * torch.randn(count, BINNED.width, generator=draw), torch.stack(codes, dim=1))


def encode(x, edges):
    """Equation 1 of arXiv:2203.05556, case by case."""
    last = len(edges) - 1
    encoded = []
    for k in range(1, last + 1):
        low, high = edges[k - 1], edges[k]
        if x < low and k > 1:
            encoded.append(0.0)
        elif x >= high and k < last:
            encoded.append(1.0)
        else:
            encoded.append((x - low) / (high - low))
    return encoded


def test_numbers_are_encoded_as_in_the_paper_beyond_the_edges_too():
    torch.manual_seed(0)
    layer = NumberEmbedding(EDGES, 5)
    values = torch.tensor([[-2.0, -1.0, 7.0], [-1.0, 0.0, -3.0], [0.25, 0.5, 3.0], [2.0, 1.0, 3.5], [9.0, 2.0, -9.0]])
    expected = []
    for row in values.tolist():
        columns = []
        for at, (x, edges) in enumerate(zip(row, EDGES, strict=True)):
            encoded = np.array(encode(x, edges))
            weight = layer.weight[at, : len(encoded)].detach().numpy()
            columns.append(np.maximum(encoded @ weight + layer.bias[at].detach().numpy(), 0))
        expected.append(np.concatenate(columns))
    # float32 against float64
    np.testing.assert_allclose(layer(values).detach(), np.stack(expected), atol=1e-5)


def test_bins_that_a_column_lacks_never_move():
    torch.manual_seed(0)
    layer = NumberEmbedding(EDGES, 5)
    layer(torch.randn(50, 3)).square().sum().backward()
    for at, edges in enumerate(EDGES):
        assert not layer.weight.grad[at, len(edges) - 1 :].any()
        assert not layer.weight[at, len(edges) - 1 :].any()


def test_embeddings_of_one_table_are_those_of_a_table_a_column():
    torch.manual_seed(0)
    layer = CategoryEmbedding((4, 2, 3), 5)
    codes = torch.tensor([[0, 0, 0], [3, 1, 2], [1, 0, 1]])
    tables = layer.table.split([4, 2, 3])
    expected = torch.cat([table[codes[:, at]] for at, table in enumerate(tables)], dim=1)
    assert torch.equal(layer(codes), expected)


def test_code_0_adds_nothing_until_it_is_trained():
    layer = CategoryEmbedding((4, 2, 3), 5)
    assert not layer(torch.zeros(1, 3, dtype=torch.int64)).any()
    assert layer(torch.ones(1, 3, dtype=torch.int64)).all()


def test_numbers_mean_the_same_only_where_their_bins_are_the_same():
    other = replace(BINNED, edges=(*EDGES[:2], (-3.0, 3.0, 5.0)))
    model = build(Architecture(encoder=Mlp()), [(task("x"), BINNED), (task("y"), BINNED), (task("z"), other)])
    assert model.encoder.layers[0].columns == [0, 0, 1]


def test_a_row_depends_on_no_other_row_with_bins_and_codes():
    model, batch = build(Architecture(encoder=Mlp()), [(task("x"), BINNED)]).eval(), rows(7)
    alone = torch.cat([model(0, take(batch, torch.tensor([row]))) for row in range(7)])
    # float32 sums in another order
    torch.testing.assert_close(model(0, batch), alone, atol=1e-6, rtol=1e-6)
    assert model(0, rows(0)).shape == (0,)


def test_a_checkpoint_holds_what_training_changed_alone():
    model = build(Architecture(encoder=Mlp()), [(task("x"), BINNED)])
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()}


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_one_batched_backward_gives_every_task_s_gradient(dropout):
    """As a loop over tasks gives it, and torch falls back on no slow path: it would warn, and warnings are errors."""
    torch.manual_seed(0)
    encoder = build(Architecture(encoder=Mlp(dropout=dropout)), [(task("x"), BINNED), (task("y"), BINNED)]).encoder
    (shared, same) = encoder(rows(20), [0, 1])
    assert shared is same
    parameters, ahead = list(encoder.parameters()), torch.randn(2, *shared.shape)
    batched = torch.autograd.grad(shared, parameters, ahead, is_grads_batched=True, retain_graph=True)
    for at in range(2):
        single = torch.autograd.grad(shared, parameters, ahead[at], retain_graph=True)
        for one, of_all in zip(single, batched, strict=True):
            assert not of_all.is_sparse
            torch.testing.assert_close(of_all[at], one, atol=1e-5, rtol=1e-5)


def test_a_step_in_the_numbers_is_found():
    """What a line cannot follow, bins can: y is 1 within one narrow range of x alone."""
    x = torch.linspace(-2, 2, 400)
    y = ((x > 0.3) & (x < 0.6)).float()
    torch.manual_seed(0)
    edges = (tuple(torch.linspace(-2, 2, 33).tolist()),)
    model = build(Architecture(encoder=Mlp(hidden=(8, 8))), [(task("x"), Layout(form="Dense", width=1, edges=edges))])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    batch = Dense(x[:, None], torch.zeros(400, 0, dtype=torch.int64))
    for _ in range(100):
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(model(0, batch), y).backward()
        optimizer.step()
    assert ((model(0, batch) > 0) == (y > 0.5)).float().mean() > 0.97
