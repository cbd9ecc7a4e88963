import re
from collections import Counter
from dataclasses import replace

import pytest
from markdown import markdown
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout

from ray_mtlkd.records import CurvePoint, Event, TaskResult, TrialEnd
from ray_mtlkd.sweep.tensorboard import TrialWriter
from ray_mtlkd.training.job import Outcome
from ray_mtlkd.training.state.progress import Evaluation
from ray_mtlkd.training.step.agreement import TaskAgreement
from tests.nasty import NASTY

POINT = CurvePoint(step=5, batches=10, valid=0.5, loss=1.0, weight=1.0, phase="labels", conflict=0.5)
EVALUATION = Evaluation(
    step=5,
    batches=10,
    budget=20,
    tasks=("a", "b"),
    points=(POINT, POINT),
    score=0.5,
    events=(),
    agreement=TaskAgreement(),
    penalties={},
)


def _written(folder, *tasks):
    end = TrialEnd(status="ok", score=0.5, batches=10)
    TrialWriter(folder, hyper_parameters={}).finish(("a", "b"), Outcome(end=end, tasks=tasks))
    events = EventAccumulator(str(folder))
    events.Reload()
    return events.Tags()


def test_all_tasks_are_in_one_chart_and_all_events_of_a_step_in_one_text(tmp_path):
    events = [Event(step=5, batches=10, task=name, kind="relabel", reason="enough") for name in ("a", "b")]
    writer = TrialWriter(tmp_path, hyper_parameters={})
    writer.tell(replace(EVALUATION, events=tuple(events)))
    writer.finish(
        ("a", "b"), Outcome(end=TrialEnd(status="ok", score=0.5, batches=10), tasks=(TaskResult(), TaskResult()))
    )
    found = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
    found.Reload()
    (text,) = found.Tensors("events/text_summary")
    assert text.tensor_proto.string_val[0].decode().count("- relabel") == 2
    layout = Layout.FromString(found.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0])
    patterns = [tag for chart in layout.category[0].chart for tag in chart.multiline.tag]
    tags = found.Tags()["scalars"]
    assert len(patterns) == 5
    assert all(sum(bool(re.search(pattern, tag)) for tag in tags) == 2 for pattern in patterns)


@pytest.mark.parametrize("name", NASTY)
def test_names_reasons_and_errors_are_text(tmp_path, name):
    matrix = TaskResult(cosines=[1.0])
    event = Event(step=5, batches=10, task=name, kind="relabel", reason=name)
    evaluation = replace(EVALUATION, tasks=(name,), points=(POINT,), events=(event,))
    for folder, error in ((tmp_path / "ok", None), (tmp_path / "failed", name)):
        writer = TrialWriter(folder, hyper_parameters={})
        if error is None:
            writer.tell(evaluation)
            writer.finish((name,), Outcome(end=TrialEnd(status="ok", score=0.5, batches=10), tasks=(matrix,)))
        else:
            writer.fail(TrialEnd(status="failed", error=error), batches=10)
    assert _tags(tmp_path / "ok", "events") == ["ul", "li", "strong"]
    assert _tags(tmp_path / "failed", "events") == ["p"]
    cells = _tags(tmp_path / "ok", "cosines")
    assert Counter(cells) == {"table": 1, "thead": 1, "tbody": 1, "tr": 2, "th": 2, "td": 2, "strong": 1}


def _tags(folder, name):
    """Of what TensorBoard shows of a text."""
    found = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    found.Reload()
    (text,) = found.Tensors(f"{name}/text_summary")
    said = text.tensor_proto.string_val[0].decode()
    return re.findall(r"<(\w+)", markdown(said, extensions=["fenced_code", "tables"]))


def test_what_was_measured_of_pairs_of_tasks_is_an_image_with_its_numbers(tmp_path):
    tags = _written(tmp_path, TaskResult(cosines=[1.0, 0.5]), TaskResult(cosines=[0.5, 1.0]))
    assert tags["images"] == ["cosines"]
    assert "cosines/text_summary" in tags["tensors"]


def test_what_regularizers_charge_is_a_curve_and_how_they_relate_tasks_an_image(tmp_path):
    writer = TrialWriter(tmp_path, hyper_parameters={})
    for at, charged in ((5, 0.5), (10, 0.25)):
        writer.tell(replace(EVALUATION, step=at, batches=2 * at, penalties={"matrix_normal": charged, "sharing": 1.0}))
    related = (TaskResult(relations=[0.75, -0.25]), TaskResult(relations=[-0.25, 0.25]))
    writer.finish(("a", "b"), Outcome(end=TrialEnd(status="ok", score=0.5, batches=20), tasks=related))
    found = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
    found.Reload()
    curve = [(event.step, event.value) for event in found.Scalars("penalty/matrix_normal")]
    assert curve == [(10, 0.5), (20, 0.25)]
    assert {event.value for event in found.Scalars("penalty/sharing")} == {1.0}
    assert found.Tags()["images"] == ["relations"]
    (text,) = found.Tensors("relations/text_summary")
    assert "-0.25" in text.tensor_proto.string_val[0].decode()


def test_where_nothing_was_measured_there_is_no_image(tmp_path):
    assert _written(tmp_path, TaskResult(), TaskResult())["images"] == []
