"""A trial's TensorBoard folder: scalars a task, the curriculum's events as text, hyper-parameters with final metrics.

The x axis is the number of task batches spent: it never goes back, also where a strategy rewinds, and strategies that
train few tasks at a time are comparable with those that train all.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow.fs
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from ray_mtlkd.escapes import in_markdown
from ray_mtlkd.records import MATRICES, TrialEnd
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep.heat_map import heat_map, matrix_text
from ray_mtlkd.sweep.plan import Trial
from ray_mtlkd.sweep.scalars import PHASES, final_scalars, task_scalars
from ray_mtlkd.training.configuration import flat
from ray_mtlkd.training.job import Outcome
from ray_mtlkd.training.state.progress import Evaluation

_LAYOUT = {
    "all tasks": {
        "validation metrics": ["Multiline", ["^valid/"]],
        "training losses": ["Multiline", ["^train_loss/"]],
        "weights": ["Multiline", ["^weight/"]],
        "phases": ["Multiline", ["^phase/"]],
        "conflicts": ["Multiline", ["^conflict/"]],
    }
}
"""Charts with all tasks of a trial in one, of the plugin of custom scalars."""


class TrialWriter:
    """Writes one trial's event file, from the first evaluation it hears of.

    What an earlier, killed attempt wrote beyond that point is marked as void.
    """

    def __init__(self, folder: Path, *, hyper_parameters: Mapping[str, Any]) -> None:
        self._folder = folder
        self._hyper_parameters = dict(hyper_parameters)
        self._writer: SummaryWriter | None = None

    def tell(self, evaluation: Evaluation) -> None:
        """One evaluation."""
        writer = self._open(evaluation.batches)
        scalars: dict[str, float | None] = {"score": evaluation.score}
        for task, point in zip(evaluation.tasks, evaluation.points, strict=True):
            scalars |= task_scalars(task, point)
        scalars |= {f"penalty/{name}": value for name, value in evaluation.penalties.items()}
        for first, second in combinations(range(len(evaluation.agreement.steps)), 2):
            cosine = evaluation.agreement.mean_cosines(first)[second]
            scalars[f"gradient_cosine/{evaluation.tasks[first]}|{evaluation.tasks[second]}"] = cosine
        _add(writer, scalars, at=evaluation.batches)
        told: dict[int, list[str]] = {}
        for event in evaluation.events:
            about = "" if event.task is None else f" **{in_markdown(event.task)}**"
            told.setdefault(event.batches, []).append(
                f"- {event.kind}{about} (step {event.step}): {in_markdown(event.reason)}"
            )
        for batches, lines in told.items():  # of several texts at one place TensorBoard shows the last
            writer.add_text("events", "\n".join(lines), batches)

    def finish(self, tasks: tuple[str, ...], outcome: Outcome) -> None:
        """Final metrics, and a session that succeeded."""
        end = outcome.end
        writer = self._open(end.batches)
        _add(writer, final_scalars(end, tasks, outcome.tasks), at=end.batches)
        for name, matrix in _matrices(outcome).items():
            writer.add_image(name, heat_map(matrix), end.batches, dataformats="HWC")
            writer.add_text(name, matrix_text(matrix, tasks), end.batches)
        self._close(writer, api_pb2.STATUS_SUCCESS)

    def fail(self, end: TrialEnd, *, batches: int) -> None:
        """What ended the trial, and a session that failed."""
        writer = self._open(batches)
        writer.add_text("events", f"failed: {in_markdown(end.error or end.status)}", batches)
        self._close(writer, api_pb2.STATUS_FAILURE)

    def _open(self, batches: int) -> SummaryWriter:
        if self._writer is None:
            self._writer = SummaryWriter(str(self._folder), purge_step=batches)
            self._writer.add_custom_scalars(_LAYOUT)
            self._writer.add_text(
                "phases", ", ".join(f"{number} = {phase}" for phase, number in PHASES.items()), batches
            )
        return self._writer

    def _close(self, writer: SummaryWriter, status: int) -> None:
        # TensorBoard takes the columns from the first experiment summary that it finds, and this trial's are not all
        # trials' columns: without any, it collects them from the sessions.
        _, start, _ = hparams(self._hyper_parameters, {})
        for summary in (start, _session_end(status)):
            writer.file_writer.add_summary(summary)
        writer.close()
        self._writer = None


def hyper_parameters(trial: Trial) -> dict[str, Any]:
    """What a trial is told apart by, and its whole configuration; a model a task has no losses to balance.

    TensorBoard sorts columns by name, capitals first.
    """
    about = {"Strategy": trial.strategy, "Setup": trial.setup, "Stage": trial.stage, "Seed": trial.seed}
    values = {**about, **flat(trial.configuration)}
    if trial.configuration.strategy.curriculum.groups == ():
        values = {key: value for key, value in values.items() if not key.startswith("balancer.")}
    return {key: value if isinstance(value, str | int | float | bool) else str(value) for key, value in values.items()}


@contextmanager
def event_folder(target: Storage) -> Iterator[Path]:
    """Where event files go; they are appended to, so a remote folder gets them at the end."""
    if target.is_local:
        yield Path(target.root)
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield Path(folder)
        finally:
            pyarrow.fs.copy_files(folder, target.root, destination_filesystem=target.filesystem)


def _matrices(outcome: Outcome) -> dict[str, list[list[float | None]]]:
    """What the trial has measured of pairs of tasks [T][T]."""
    found = {name: [getattr(task, name) for task in outcome.tasks] for name in MATRICES}
    return {name: rows for name, rows in found.items() if all(rows)}


def _add(writer: SummaryWriter, scalars: Mapping[str, float | None], *, at: int) -> None:
    """Write the scalars that there are as one event, which is cheaper than an event each."""
    known = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items() if value is not None]
    writer.file_writer.add_summary(Summary(value=known), at)


def _session_end(status: int) -> Summary:
    """What `torch.utils.tensorboard.summary.hparams` writes at the end, but for its fixed STATUS_SUCCESS."""
    end = plugin_data_pb2.SessionEndInfo(status=status)
    return hparams_summary(metadata.SESSION_END_INFO_TAG, session_end_info=end)


def hparams_summary(tag: str, **content: Any) -> Summary:
    """What the plugin of hyper-parameters reads under one of its tags.

    Args:
        content: The one field of ``HParamsPluginData`` that belongs there.
    """
    data = plugin_data_pb2.HParamsPluginData(version=metadata.PLUGIN_DATA_VERSION, **content)
    about = SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME, content=data.SerializeToString())
    return Summary(value=[Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=about))])
