import pytest

from ray_mtlkd.data.features import Layout
from ray_mtlkd.models.architecture import Architecture, build, decode_architecture, penalties, relations
from ray_mtlkd.models.encoders import ENCODERS
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.models.regularizers.cluster import TaskClusters
from ray_mtlkd.models.regularizers.l1 import L1
from ray_mtlkd.models.regularizers.matrix_normal import MatrixNormal
from ray_mtlkd.models.sharing import HardSharing
from ray_mtlkd.tasks.task import Task

DENSE = Layout(form="Dense", width=3)
BAG = Layout(form="Bag", buckets=9)
TOKENS = Layout(form="Tokens", width=2, buckets=9)


def task(name, kind):
    return Task(name=name, kind=kind, metric="-", classes=("O", "B-x"))


def test_a_kind_that_the_encoder_does_not_serve_names_the_encoders_that_do(refused):
    with refused() as caught:
        build(Architecture(encoder=BagOfNgrams()), [(task("tags", "tagging"), TOKENS)])
    serving = [name for name, encoder in ENCODERS.items() if "tagging" in encoder.forms]
    assert caught.value.fix.endswith(": " + ", ".join(serving))


def test_a_form_that_the_encoder_does_not_read_names_the_encoders_that_do(refused):
    with refused():
        build(Architecture(encoder=Mlp()), [(task("topic", "multiclass"), BAG)])


def test_all_tasks_that_do_not_fit_are_named_together():
    tasks = [(task("a", "binary"), DENSE), (task("b", "binary"), BAG), (task("c", "tagging"), TOKENS)]
    with pytest.raises(ExceptionGroup) as caught:
        build(Architecture(encoder=Mlp()), tasks)
    assert [error.where for error in caught.value.exceptions] == ["encoder mlp, task b", "encoder mlp, task c"]


def test_a_form_that_nobody_reads_asks_for_other_inputs(refused):
    with refused():
        build(Architecture(encoder=Cnn()), [(task("a", "tagging"), BAG)])


def test_an_architecture_is_the_same_after_it_was_described():
    given = Architecture(encoder=Mlp(hidden=(8, 4)), sharing=HardSharing())
    assert decode_architecture(given.describe()) == given
    assert given.describe()["sharing"] == {"name": "hard"}


def test_what_is_left_out_is_hard_sharing_without_regularizers():
    assert decode_architecture({"encoder": "mlp"}) == Architecture(encoder=Mlp(), sharing=HardSharing())


def test_all_mistakes_of_an_architecture_are_told_at_their_places():
    tree = {"encoder": {"name": "mlp", "wide": 1}, "sharing": "gentle", "regularizers": ["l2", {"strength": 1}]}
    with pytest.raises(ExceptionGroup) as caught:
        decode_architecture(tree, places={"sharing": "strategies[1].sharing"})
    assert [error.where for error in caught.value.exceptions] == [
        "encoder.wide",
        "strategies[1].sharing",
        "regularizers[0]",
        "regularizers[1].name",
    ]


ALIKE = [(task("a", "binary"), DENSE), (task("b", "regression"), DENSE), (task("c", "multilabel"), DENSE)]
"""The last one's head has another shape."""


def test_every_regularizer_says_what_it_charges_also_one_that_acts_by_its_step():
    small = L1(strength=0.5)
    given = Architecture(encoder=Mlp(hidden=(4,)), regularizers=(small, MatrixNormal(strength=2.0), small))
    model = build(given, ALIKE)
    found = penalties(model, given)
    weights = sum(p.abs().sum() for p in model.parameters() if p.ndim > 1).item()
    assert found["l1"] == pytest.approx(2 * 0.5 * weights)
    assert found["matrix_normal"] == pytest.approx(MatrixNormal(strength=2.0).penalty(model).item())
    assert set(found) == {"l1", "matrix_normal"}


def test_relations_are_of_tasks_whose_heads_are_alike_and_by_the_first_regularizer_that_has_any():
    given = Architecture(encoder=Mlp(hidden=(4,)), regularizers=(L1(), TaskClusters(clusters=1), MatrixNormal()))
    found = relations(build(given, ALIKE), given)
    assert found[2] == [None, None, None]
    assert found[0][2] is None
    # a projection onto one direction
    assert found[0][0] + found[1][1] == pytest.approx(1.0)
    assert found[0][1] == found[1][0]


@pytest.mark.parametrize(("regularizers", "tasks"), [((L1(),), ALIKE), ((MatrixNormal(),), ALIKE[:1])])
def test_without_a_regularizer_between_tasks_there_are_no_relations(regularizers, tasks):
    given = Architecture(encoder=Mlp(hidden=(4,)), regularizers=regularizers)
    assert relations(build(given, tasks), given) == []
