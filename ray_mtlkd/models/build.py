"""From an encoder's configuration and the tasks to one network."""

from collections.abc import Iterator, Sequence

from ray_mtlkd.data.inputs import Layout
from ray_mtlkd.errors import MtlkdError, raise_all
from ray_mtlkd.models.encoders import ENCODERS, EncoderConfig
from ray_mtlkd.models.sharing.base import MultitaskModel
from ray_mtlkd.models.sharing.hard import HardSharing
from ray_mtlkd.tasks.task import Task

__all__ = ["MultitaskModel", "build", "check_encoder"]


def build(encoder: EncoderConfig, tasks: Sequence[tuple[Task, Layout]]) -> MultitaskModel:
    """The network for these tasks, on the CPU, in training mode.

    Initial values come from torch's global generator alone: seed it first.

    Raises:
        MtlkdError: where the encoder cannot serve a task.
        ExceptionGroup: of ``MtlkdError``, where it cannot serve several.
    """
    raise_all(f"encoder {encoder.name}", list(check_encoder(encoder, tasks)))
    return HardSharing(encoder, tasks)


def check_encoder(encoder: EncoderConfig, tasks: Sequence[tuple[Task, Layout]]) -> Iterator[MtlkdError]:
    """What keeps the encoder from serving each of the tasks."""
    for task, layout in tasks:
        where = f"encoder {encoder.name}, task {task.name}"
        if task.kind not in encoder.kinds:
            able = [name for name, other in ENCODERS.items() if task.kind in other.kinds]
            yield MtlkdError(f"{encoder.name} does not serve {task.kind} tasks", where=where, fix=_choose(able))
        elif encoder.forms[task.kind] != layout.form:
            able = [name for name, other in ENCODERS.items() if other.forms.get(task.kind) == layout.form]
            yield MtlkdError(
                f"{encoder.name} does not read inputs of form {layout.form}", where=where, fix=_choose(able)
            )


def _choose(able: Sequence[str]) -> str:
    return "use an encoder that does: " + ", ".join(able) if able else "give the task other inputs"
