"""What a model is, as one value: an encoder, who shares what of it, and the penalties on its parameters."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ray_mtlkd.data.features import Features, Layout, read_by
from ray_mtlkd.decode import join
from ray_mtlkd.errors import MtlkdError, gather, raise_all
from ray_mtlkd.models.encoders import ENCODERS, EncoderConfig
from ray_mtlkd.models.regularizers import REGULARIZERS, ProximalRegularizer, Regularizer, RelatingRegularizer
from ray_mtlkd.models.regularizers.task_matrix import task_matrices
from ray_mtlkd.models.sharing import SHARING, HardSharing, MultitaskModel, SharingConfig, total_penalty
from ray_mtlkd.registry import decode_part, describe_part
from ray_mtlkd.tasks.task import Task

KEYS = ("encoder", "sharing", "regularizers")
"""What a search space and a strategy in it say of an architecture."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """All that decides a model but its tasks.

    Attributes:
        encoder: Inputs to representations.
        sharing: Which task uses which parameters.
        regularizers: Losses on parameters that are no task's.
    """

    encoder: EncoderConfig
    sharing: SharingConfig = field(default_factory=HardSharing)
    regularizers: tuple[Regularizer, ...] = ()

    @property
    def features(self) -> Features:
        """What it asks of the tables."""
        return read_by(self.encoder.features, whole_layers=self.sharing.whole_layers)

    def describe(self) -> dict[str, Any]:
        """What `decode_architecture` makes the same architecture of, as plain data."""
        return {
            "encoder": describe_part(ENCODERS, self.encoder),
            "sharing": describe_part(SHARING, self.sharing),
            "regularizers": [describe_part(REGULARIZERS, each) for each in self.regularizers],
        }


def decode_architecture(tree: Mapping[str, Any], *, places: Mapping[str, str] | None = None) -> Architecture:
    """An architecture from the sections ``encoder``, ``sharing`` and ``regularizers`` of YAML data without domains.

    Args:
        tree: ``sharing`` is ``hard`` and ``regularizers`` none where they are left out.
        places: Where each section stands, for errors; mostly at its own name.

    Raises:
        MtlkdError: the only problem.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    at = {key: (places or {}).get(key, key) for key in KEYS}
    problems: list[MtlkdError] = []
    parts: dict[str, Any] = {}
    with gather(problems):
        parts["encoder"] = decode_part(ENCODERS, tree["encoder"], where=at["encoder"])
    with gather(problems):
        parts["sharing"] = decode_part(SHARING, tree.get("sharing", HardSharing.name), where=at["sharing"])
    with gather(problems):
        parts["regularizers"] = tuple(_regularizers(tree.get("regularizers", []), at["regularizers"], problems))
    raise_all("architecture", problems)
    return Architecture(**parts)


def _regularizers(value: Any, where: str, problems: list[MtlkdError]) -> Iterator[Regularizer]:
    if not isinstance(value, list):
        raise MtlkdError(f"{value!r} is not a list", where=where, fix="list names, or mappings with `name`")
    for number, each in enumerate(value):
        with gather(problems):
            yield decode_part(REGULARIZERS, each, where=join(where, number))


def build(architecture: Architecture, tasks: Sequence[tuple[Task, Layout]]) -> MultitaskModel:
    """The network for these tasks, on the CPU, in training mode.

    Initial values come from torch's global generator alone: seed it first.

    Raises:
        MtlkdError: where the encoder cannot serve a task.
        ExceptionGroup: of ``MtlkdError``, where it cannot serve several.
    """
    encoder = architecture.encoder
    raise_all(f"encoder {encoder.name}", list(_misfits(encoder, tasks)))
    model = architecture.sharing.build(encoder, tasks)
    model.names = tuple(task.name for task, _ in tasks)
    return model


def penalty_of(model: MultitaskModel, architecture: Architecture) -> Tensor | None:
    """A loss [] beside the tasks': what the model and the regularizers ask for; None where nobody does."""
    asked = (model.penalty(), *(each.penalty(model) for each in architecture.regularizers))
    return total_penalty([penalty for penalty in asked if penalty is not None])


@torch.no_grad()
def penalties(model: MultitaskModel, architecture: Architecture) -> dict[str, float]:
    """What there is beside the tasks' losses now, by the name of the regularizer; ``sharing``: the model's own penalty.

    Regularizers of one name are added up; one that the model has nothing for is left out.
    """
    found = defaultdict[str, float](float)
    asked: list[tuple[str, Tensor | None]] = [("sharing", model.penalty())]
    for each in architecture.regularizers:
        value = each.value(model) if isinstance(each, ProximalRegularizer) else each.penalty(model)
        asked.append((each.name, value))
    for name, value in asked:
        if value is not None:
            found[name] += value.item()
    return dict(found)


def relations(model: MultitaskModel, architecture: Architecture) -> list[list[float | None]]:
    """How tasks are related [T][T], as the first regularizer sees it that says so; empty where none does.

    None between tasks whose heads have no shape in common.
    """
    said = next((each for each in architecture.regularizers if isinstance(each, RelatingRegularizer)), None)
    matrices = task_matrices(model) if said is not None else []
    if said is None or not matrices:
        return []
    found: list[list[float | None]] = [[None] * model.num_tasks for _ in range(model.num_tasks)]
    for matrix in matrices:
        for task, row in zip(matrix.tasks, said.relations(matrix).tolist(), strict=True):
            for other, value in zip(matrix.tasks, row, strict=True):
                found[task][other] = value
    return found


def shrink(model: MultitaskModel, architecture: Architecture, *, step: float) -> None:
    """Do what proximal regularizers ask for after an optimizer's step of that learning rate."""
    for each in architecture.regularizers:
        if isinstance(each, ProximalRegularizer):
            each.shrink(model, step=step)


def _misfits(encoder: EncoderConfig, tasks: Sequence[tuple[Task, Layout]]) -> Iterator[MtlkdError]:
    """What keeps the encoder from serving each of the tasks."""
    for task, layout in tasks:
        where = f"encoder {encoder.name}, task {task.name}"
        if task.kind not in encoder.forms:
            able = [name for name, other in ENCODERS.items() if task.kind in other.forms]
            yield MtlkdError(f"{encoder.name} does not serve {task.kind} tasks", where=where, fix=_choose(able))
        elif encoder.forms[task.kind] != layout.form:
            able = [name for name, other in ENCODERS.items() if other.forms.get(task.kind) == layout.form]
            yield MtlkdError(
                f"{encoder.name} does not read inputs of form {layout.form}", where=where, fix=_choose(able)
            )


def _choose(able: Sequence[str]) -> str:
    return "use an encoder that does: " + ", ".join(able) if able else "give the task other inputs"
