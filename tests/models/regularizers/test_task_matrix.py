import pytest

from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.mixed import MixedEncoder
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.models.regularizers.block_sparse import BlockSparse
from ray_mtlkd.models.regularizers.task_matrix import by_inputs, task_matrices
from ray_mtlkd.models.sharing import HardSharing
from ray_mtlkd.models.sharing.interaction import Interaction
from ray_mtlkd.models.sharing.serial import Serial
from ray_mtlkd.testing.examples import Example

KINDS = [Example(kind, "Dense") for kind in ("multiclass", "binary", "regression", "multilabel")]


def test_heads_of_one_shape_are_rows_of_one_matrix(made):
    model = made(HardSharing(), KINDS)
    matrices = task_matrices(model)
    assert [matrix.tasks for matrix in matrices] == [(0, 3), (1, 2)]
    assert [tuple(matrix.rows.shape) for matrix in matrices] == [(2, 3 * 4), (2, 4)]
    assert matrices[1].weights[0] is model.heads[1].linear.weight
    assert [len(weights) for weights in by_inputs(model)] == [4]


@pytest.mark.parametrize("sharing", [Serial(), Interaction()], ids=lambda sharing: sharing.name)
def test_heads_that_others_read_are_heads_like_any(made, sharing):
    model = made(sharing, KINDS)
    assert model.shared()
    (weights,) = by_inputs(model)
    assert [id(weight) for weight in weights] == [id(head.linear.weight) for head in model.heads]
    assert [matrix.tasks for matrix in task_matrices(model)] == [(0, 3), (1, 2)]


def test_a_last_layer_that_several_tasks_have_is_nobody_s_head(made):
    model = made(HardSharing(), KINDS[1:3])
    model.heads[1] = model.heads[0]
    assert (by_inputs(model), task_matrices(model)) == ([], [])
    assert BlockSparse().value(model) == 0


def test_heads_on_other_sorts_of_inputs_are_not_like_each_other(made):
    """Their representations may be as wide, but what a unit means is another thing."""
    table, words = ("columns", "Dense"), ("text", "Bag")
    sorts = ((words, table), (table,), (words, table))
    encoder = MixedEncoder(text=BagOfNgrams(hidden=(4,)), columns=Mlp(hidden=(4,), bins=0), join=4)
    model = made(HardSharing(), [Example("regression", "Mixed", parts=parts) for parts in sorts], encoder=encoder)
    assert [matrix.tasks for matrix in task_matrices(model)] == [(0, 2)]
    assert sorted(len(weights) for weights in by_inputs(model)) == [1, 2]
