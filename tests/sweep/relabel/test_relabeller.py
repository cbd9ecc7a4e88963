"""What `auto` does before it would ask anybody, and what is left to a pool; no Ray cluster in here."""

import itertools
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ray.data.exceptions import ExecutionTimeoutError
from torch.nn.modules.module import register_module_forward_hook

from ray_mtlkd import setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders.base import Encoder
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.sweep.relabel import pool, shared
from ray_mtlkd.sweep.relabel import relabeller as module
from ray_mtlkd.sweep.relabel.relabeller import Relabeller
from ray_mtlkd.sweep.relabel.shared import SharedActor, SharedActors
from ray_mtlkd.sweep.relabel.teacher import TeacherMessage
from ray_mtlkd.training.evaluation.evaluate import BATCH_ROWS, predict, predict_all
from ray_mtlkd.training.job import RelabelRequest
from ray_mtlkd.training.settings import Relabelling
from ray_mtlkd.training.transfer import transfer_set

ENCODER = Mlp(hidden=(8,))


@pytest.fixture(scope="module")
def tables():
    return setups.featurise(setups.read("similar", data_dir=None), ENCODER.features)


@pytest.fixture
def request_of(tables):
    """A request to relabel the task of the given index."""
    views = as_tensors(tables)
    tasks = tuple((table.task, table.layout) for table in views.tasks)

    def make(index):
        torch.manual_seed(0)
        model = build(Architecture(encoder=ENCODER), tasks).eval()
        return RelabelRequest(
            task=tasks[index][0].name, model=model, index=index, table=views.tasks[index], tasks=tasks
        )

    return make


@pytest.fixture
def cpus(monkeypatch):
    """What Ray says is free."""
    free = {}
    monkeypatch.setattr(module.ray, "available_resources", lambda: free)
    return free


@pytest.fixture
def _starts_in_two_seconds(monkeypatch):
    monkeypatch.setattr(module, "_STARTED_S", 2.0)


@pytest.fixture
def batch_takes(monkeypatch):
    """Lets a batch take so many seconds, however busy this machine is."""

    def take(seconds):
        monkeypatch.setattr(module, "_timed", lambda request, rows: (module._predict(request, rows), seconds))

    return take


def _relabeller(request, **settings):
    return Relabeller(Relabelling(**settings), architecture=Architecture(encoder=ENCODER), tables=None, shared=None)


@pytest.mark.parametrize(("where", "batch_s"), [("auto", 0.001), ("auto", 1.0), ("inline", 0.0)])
@pytest.mark.parametrize("index", range(5))
@pytest.mark.usefixtures("_starts_in_two_seconds", "cpus")
def test_every_batch_is_predicted_once_also_those_that_were_timed(request_of, batch_takes, index, where, batch_s):
    batch_takes(batch_s)
    request, passes = request_of(index), []
    expected = predict_all(request.model, index, request.table.train)
    with register_module_forward_hook(lambda module, *_: passes.append(0) if isinstance(module, Encoder) else None):
        labels = _relabeller(request, where=where)(request)
    assert torch.equal(labels.outputs, expected)
    assert len(passes) == math.ceil(len(request.table.train) / BATCH_ROWS)


@pytest.mark.parametrize(
    ("where", "batch_s", "why"),
    [
        ("inline", 1.0, "as configured"),
        ("auto", 0.001, "0.019 s left after a batch"),
        ("auto", 1.0, "estimated inline 17.531 s, pool 19.531 s"),
    ],
)
@pytest.mark.usefixtures("_starts_in_two_seconds", "cpus")
def test_auto_says_what_it_chose_and_why(request_of, batch_takes, where, batch_s, why):
    batch_takes(batch_s)
    request = request_of(4)
    assert len(request.table.train) == 20_000
    told = _relabeller(request, where=where)(request)
    assert (told.where, told.why) == ("inline", why)


@pytest.mark.parametrize(
    ("free", "case", "expected"),
    [
        (0, (2, 60.0), "inline"),
        (1, (2, 60.0), "pool"),
        (3, (4, 60.0), "pool"),
        (3, (1, 60.0), "inline"),
        (3, (4, 0.1), "inline"),
    ],
)
@pytest.mark.usefixtures("_starts_in_two_seconds")
def test_a_pool_pays_where_a_cpu_is_free_beside_the_trial_s_own(request_of, cpus, free, case, expected):
    pool_size, seconds = case
    cpus["CPU"] = float(free)
    costs = _relabeller(request_of(0), where="auto", pool_size=pool_size)._costs(seconds)
    assert min(costs, key=costs.get) == expected


@pytest.fixture
def asked_of_a_pool(monkeypatch, request_of):
    """The ranges that a pool was asked for; it computes them here."""
    ranges = []

    def by_pool(references, parts, *, actors, gpus, limit_s):
        ranges.extend(parts)
        teacher = references["teacher"]
        request = request_of(teacher.index)
        return [
            predict(request.model, teacher.index, request.table.train, range(*part)).numpy().reshape(-1)
            for part in parts
        ]

    monkeypatch.setattr(module, "by_pool", by_pool)
    monkeypatch.setattr(module.ray, "put", lambda value: value)
    return ranges


def _rows(ranges):
    return [row for start, stop in ranges for row in range(start, stop)]


@pytest.mark.parametrize("share", [0, 1 / 2])
@pytest.mark.parametrize("index", range(5))
def test_while_a_pool_starts_the_trial_predicts_the_last_rows(monkeypatch, request_of, asked_of_a_pool, index, share):
    monkeypatch.setattr(module, "_STARTED_S", 1e9 if share else 0.0)
    request = request_of(index)
    labels = _relabeller(request, where="pool")(request)
    assert torch.equal(labels.outputs, predict_all(request.model, index, request.table.train))
    batches = math.ceil(len(request.table.train) / BATCH_ROWS) - 1  # after the one that was timed
    asked = math.ceil(len(_rows(asked_of_a_pool)) / BATCH_ROWS)
    assert asked == batches - int(batches * share)
    assert _rows(asked_of_a_pool) == list(range(BATCH_ROWS, BATCH_ROWS + len(_rows(asked_of_a_pool))))


def test_a_pool_on_gpus_predicts_every_row(request_of, asked_of_a_pool):
    request = request_of(4)
    labels = _relabeller(request, where="pool", gpus_per_actor=0.5)(request)
    assert len(labels.outputs) == len(request.table.train)
    assert _rows(asked_of_a_pool) == list(range(len(request.table.train)))


def test_shared_actors_that_the_sweep_does_not_have_are_an_error(request_of, refused):
    request = request_of(0)
    with refused():
        _relabeller(request, where="shared")(request)


@pytest.fixture
def hanging(monkeypatch):
    """Two actors of the sweep's of which the second never answers; and who was ended, and may start again."""
    ended = []

    def handle(name):
        # hashable, as Ray's are
        return type(name, (), {"name": name, "predict": SimpleNamespace(remote=lambda *_: f"{name} {next(numbers)}")})

    def wait(calls, *, num_returns, timeout):
        answered = [call for call in calls if call.startswith("first")]
        return answered, [call for call in calls if call not in answered]

    numbers = itertools.count()
    monkeypatch.setattr(shared.ray, "wait", wait)
    monkeypatch.setattr(shared.ray, "kill", lambda handle, *, no_restart: ended.append((handle.name, no_restart)))
    monkeypatch.setattr(module.ray, "put", lambda value: value)
    return SharedActors(handles=(handle("first"), handle("second")), limit_s=5.0), ended


def test_a_trial_whose_shared_actors_do_not_answer_relabels_by_itself_and_says_so(request_of, hanging):
    request, (actors, ended) = request_of(4), hanging
    architecture = Architecture(encoder=ENCODER)
    desk = Relabeller(Relabelling(where="shared"), architecture=architecture, tables=None, shared=actors)
    labels = desk(request)
    assert torch.equal(labels.outputs, predict_all(request.model, 4, request.table.train))
    assert labels.where == "inline"
    assert "5 s (resources.stall_s)" in labels.why
    assert ended == [("second", False)]


def test_a_trial_whose_pool_makes_no_progress_relabels_by_itself_and_says_so(request_of, monkeypatch):
    def ask(actors, questions, *, stalled_s, in_order):
        raise ExecutionTimeoutError(f"nothing for {stalled_s}")

    monkeypatch.setattr(pool, "ask", ask)
    monkeypatch.setattr(module.ray, "put", lambda value: value)
    monkeypatch.setattr(module, "_STARTED_S", 0.0)
    request, architecture = request_of(4), Architecture(encoder=ENCODER)
    desk = Relabeller(Relabelling(where="pool"), architecture=architecture, tables=None, shared=None, limit_s=5.0)
    labels = desk(request)
    assert torch.equal(labels.outputs, predict_all(request.model, 4, request.table.train))
    assert labels.where == "inline"
    assert "5 s (resources.stall_s)" in labels.why


@pytest.mark.usefixtures("_starts_in_two_seconds")
def test_auto_asks_no_actor_that_does_not_answer(request_of, cpus, monkeypatch):
    cpus["CPU"] = 3.0
    waits = []
    monkeypatch.setattr(shared.ray, "wait", lambda calls, timeout: (waits.append(timeout), ([], calls))[1])
    silent = SimpleNamespace(ready=SimpleNamespace(remote=lambda: "ready"))
    actors = SharedActors(handles=(silent,), limit_s=600.0)
    architecture = Architecture(encoder=ENCODER)
    desk = Relabeller(Relabelling(), architecture=architecture, tables=None, shared=actors)
    assert desk._costs(7.0).keys() == {"inline", "pool"}
    assert desk._costs(7000.0).keys() == {"inline", "pool"}
    assert waits == [7.0, 300.0]


@pytest.mark.parametrize("where", ["auto", "inline"])
def test_gpus_are_for_actors(where):
    with pytest.raises(ValueError, match="gpus_per_actor"):
        Relabelling(where=where, gpus_per_actor=0.5)


class _Reference:
    """Plays a reference to an object."""

    def __init__(self, value):
        self.value = value
        self.fetched = 0

    def hex(self):
        return str(id(self))


@pytest.fixture
def fetch(monkeypatch):
    def get(reference):
        reference.fetched += 1
        return reference.value

    monkeypatch.setattr(shared.ray, "get", get)


@pytest.mark.usefixtures("fetch")
@pytest.mark.parametrize(("room", "fetched"), [(2**28, (1, 1)), (0, (2, 1))])
def test_a_shared_actor_keeps_the_last_teachers_as_far_as_there_is_room(monkeypatch, tables, request_of, room, fetched):
    monkeypatch.setattr(shared, "_TEACHER_BYTES", room)
    tasks = tuple((table.task, table.layout) for table in tables.tasks)

    def references(index):
        model = request_of(index).model
        parameters = {key: tensor.numpy() for key, tensor in model.state_dict().items()}
        teacher = TeacherMessage(
            architecture=Architecture(encoder=ENCODER), tasks=tasks, index=index, parameters=parameters
        )
        return {"teacher": _Reference(teacher), "tables": _Reference(tables)}

    first, second = references(0), references(1)
    actor = SharedActor()
    for asked, index in ((first, 0), (first, 0), (second, 1), (first, 0)):
        request = request_of(index)
        expected = predict_all(request.model, index, request.table.train)[:BATCH_ROWS]
        found = torch.from_numpy(actor.predict(asked, (0, len(expected))))
        torch.testing.assert_close(found, expected)
    assert (first["teacher"].fetched, second["teacher"].fetched) == fetched


@pytest.mark.usefixtures("fetch")
@pytest.mark.parametrize(("index", "rows"), [(0, "all"), (4, "all"), (0, "unlabelled"), (4, "unlabelled")])
def test_an_actor_labels_the_same_rows_as_the_trial_also_those_of_others(monkeypatch, tables, request_of, index, rows):
    plain = request_of(index)
    without = replace(tables.tasks[0], unlabelled=np.arange(900, 1000))
    tables = replace(tables, tasks=(without, *tables.tasks[1:]))
    found = transfer_set(as_tensors(replace(tables, tasks=tables.tasks[::-1])), len(tables.tasks) - 1 - index, rows)
    asked = found.examples
    request = replace(plain, table=replace(plain.table, train=asked), among=found.among)
    monkeypatch.setattr(module.ray, "put", _Reference)
    desk = Relabeller(Relabelling(), architecture=Architecture(encoder=ENCODER), tables=_Reference(tables), shared=None)
    expected = predict_all(request.model, index, asked)
    own = len(plain.table.train) + (100 if index == 0 else 0)
    assert len(expected) == (30_600 if rows == "all" else own)
    cut = min(4 * BATCH_ROWS, len(asked) - 1)
    parts = [(0, cut), (cut, len(asked))]
    found = [SharedActor().predict(desk._references(request), bounds) for bounds in parts]
    torch.testing.assert_close(torch.cat([torch.from_numpy(part) for part in found]), expected)


@pytest.mark.usefixtures("fetch")
def test_a_teacher_of_one_task_alone_relabels_the_table_of_that_task_among_all(monkeypatch, tables):
    table = as_tensors(tables).tasks[2]
    tasks = ((table.task, table.layout),)
    model = build(Architecture(encoder=ENCODER), tasks).eval()
    request = RelabelRequest(task=table.task.name, model=model, index=0, table=table, tasks=tasks)
    monkeypatch.setattr(module.ray, "put", _Reference)
    desk = Relabeller(Relabelling(), architecture=Architecture(encoder=ENCODER), tables=_Reference(tables), shared=None)
    rows = range(10)
    found = SharedActor().predict(desk._references(request), (rows.start, rows.stop))
    torch.testing.assert_close(torch.from_numpy(found), predict_all(model, 0, table.train)[:10])
