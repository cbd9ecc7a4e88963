import copy

import torch

from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Bag, Pair
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.tasks.task import Task

TEXT = Layout(form="Bag", buckets=30)
PAIR = Layout(form="Bag", buckets=30, overlap=2)
WORDS = Layout(form="Tokens", width=2, buckets=30)


def task(name, kind, classes=3):
    return Task(name=name, kind=kind, metric="-", classes=tuple(map(str, range(classes))))


def identities(parameters):
    return [id(p) for p in parameters]


def bag(*rows):
    offsets = torch.tensor([0, *map(len, rows)]).cumsum(0)
    ids = torch.tensor([number for row in rows for number in row])
    return Bag(ids, torch.ones(len(ids)), offsets)


def assert_partition(model):
    owned = [p for at in range(model.num_tasks) for p in model.own(at)]
    every = identities((*model.shared(), *model.shared_sparse(), *owned))
    assert sorted(every) == sorted(identities(model.parameters()))
    assert set(identities(model.last_shared())) <= set(identities((*model.shared(), *model.shared_sparse())))


def test_shared_and_own_parameters_partition_the_model():
    texts = [(task("a", "multiclass"), TEXT), (task("b", "binary"), PAIR), (task("c", "regression"), TEXT)]
    assert_partition(build(Architecture(encoder=BagOfNgrams(hidden=(4,))), texts))
    assert_partition(build(Architecture(encoder=BagOfNgrams(hidden=(4, 4))), texts[:1]))
    assert_partition(
        build(Architecture(encoder=Cnn()), [(task("a", "multilabel"), WORDS), (task("t", "tagging"), WORDS)])
    )
    widths = [Layout(form="Dense", width=width) for width in (2, 3, 3)]
    assert_partition(
        build(Architecture(encoder=Mlp()), [(task(str(at), "binary"), layout) for at, layout in enumerate(widths)])
    )


def test_the_last_shared_layer_is_the_one_nearest_to_the_heads():
    tasks = [(task("a", "multiclass"), TEXT), (task("b", "binary"), PAIR)]
    deep = build(Architecture(encoder=BagOfNgrams(hidden=(4, 5, 6))), tasks)
    assert identities(deep.last_shared()) == identities(deep.encoder.layers[-1].parameters())
    flat = build(Architecture(encoder=BagOfNgrams(hidden=(4,))), tasks)
    first = flat.encoder.layers[0].hashed
    assert set(identities(flat.last_shared())) == {id(first.bias), id(first.table.weight)}


def test_hash_tables_are_shared_apart_from_dense_parameters():
    model = build(
        Architecture(encoder=BagOfNgrams(hidden=(4, 4))), [(task("a", "multiclass"), TEXT), (task("b", "binary"), TEXT)]
    )
    assert identities(model.shared_sparse()) == [id(model.encoder.layers[0].hashed.table.weight)]
    assert id(model.encoder.layers[0].hashed.table.weight) not in identities(model.shared())


def test_a_single_task_owns_its_hash_table():
    model = build(Architecture(encoder=BagOfNgrams(hidden=(4,))), [(task("a", "multiclass"), TEXT)])
    assert id(model.encoder.layers[0].hashed.table.weight) in identities(model.own(0))


def test_the_join_belongs_to_its_pair_task():
    model = build(
        Architecture(encoder=BagOfNgrams(hidden=(4,))), [(task("a", "multiclass"), TEXT), (task("b", "binary"), PAIR)]
    )
    assert set(identities(model.joins.parameters())) <= set(identities(model.own(1)))
    assert identities(model.own(0)) == identities(model.heads[0].parameters())


def test_a_copy_of_a_model_owns_its_own_parameters():
    model = build(
        Architecture(encoder=BagOfNgrams(hidden=(4,))), [(task("a", "multiclass"), TEXT), (task("b", "binary"), PAIR)]
    )
    other = copy.deepcopy(model)
    assert_partition(other)
    assert not set(identities(other.parameters())) & set(identities(model.parameters()))


def test_a_pair_sees_both_sides_their_order_and_their_overlap():
    torch.manual_seed(0)
    model = build(Architecture(encoder=BagOfNgrams(hidden=(16,))), [(task("b", "multiclass"), PAIR)]).eval()
    one, other, overlap = bag([1, 2]), bag([3, 4, 5]), torch.zeros(1, 2)
    outputs = [
        model(0, Pair(one, other, overlap)),
        model(0, Pair(other, one, overlap)),
        model(0, Pair(one, one, overlap)),
        model(0, Pair(one, other, overlap + 1)),
    ]
    assert len(torch.cat(outputs).unique(dim=0)) == 4


def test_each_task_has_a_head_of_its_own_width():
    model = build(
        Architecture(encoder=BagOfNgrams()), [(task("a", "multiclass", 7), TEXT), (task("b", "regression"), TEXT)]
    ).eval()
    batch = bag([1], [2, 3])
    assert model(0, batch).shape == (2, 7)
    assert model(1, batch).shape == (2,)
