from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ray_mtlkd.records import TaskResult, TrialEnd
from ray_mtlkd.sweep.tensorboard import TrialWriter
from ray_mtlkd.training.job import Outcome


def _written(folder, *tasks):
    end = TrialEnd(status="ok", score=0.5, batches=10)
    TrialWriter(folder, hyper_parameters={}).finish(("a", "b"), Outcome(end=end, tasks=tasks))
    events = EventAccumulator(str(folder))
    events.Reload()
    return events.Tags()


def test_what_was_measured_of_pairs_of_tasks_is_an_image_with_its_numbers(tmp_path):
    tags = _written(tmp_path, TaskResult(cosines=[1.0, 0.5]), TaskResult(cosines=[0.5, 1.0]))
    assert tags["images"] == ["cosines"]
    assert "cosines/text_summary" in tags["tensors"]


def test_where_nothing_was_measured_there_is_no_image(tmp_path):
    assert _written(tmp_path, TaskResult(), TaskResult())["images"] == []
