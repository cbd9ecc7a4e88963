"""Names of tasks that an architecture holds are looked at once, for all the models of a setup."""

from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.named_tasks import NamesTasks, unknown_tasks
from ray_mtlkd.models.regularizers import REGULARIZERS
from ray_mtlkd.models.regularizers.graph import Graph
from ray_mtlkd.models.sharing import SHARING
from ray_mtlkd.models.sharing.low_level import LowLevel
from ray_mtlkd.models.sharing.serial import Serial
from tests.models.conftest import SMALL


def _told(**parts):
    return [error.where for error in unknown_tasks(Architecture(encoder=SMALL, **parts), ["a", "b"], where="setup s")]


def test_every_name_that_is_no_task_is_told_at_its_place():
    assert _told(sharing=LowLevel(layers={"a": 1, "c": 1})) == ["setup s: sharing.layers.c"]
    graphs = (Graph(edges=(("a", "b"), ("b", "d"))), Graph(edges=(("e", "f"),)))
    assert _told(sharing=Serial(order=("c", "a")), regularizers=graphs) == [
        "setup s: sharing.order[0]",
        "setup s: regularizers[0].edges[1][1]",
        "setup s: regularizers[1].edges[0][0]",
        "setup s: regularizers[1].edges[0][1]",
    ]


def test_names_that_are_there_and_parts_that_name_nobody_are_fine():
    assert (
        _told(sharing=LowLevel(layers={"a": 1}), regularizers=(Graph(edges=(("a", "b"),)), REGULARIZERS["l1"]())) == []
    )


def test_who_speaks_of_tasks_is_known_by_it():
    parts = [config() for config in (*SHARING.values(), *REGULARIZERS.values())]
    assert {part.name for part in parts if isinstance(part, NamesTasks)} == {"low_level", "serial", "graph"}
