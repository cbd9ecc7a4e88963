"""What a sweep asks of a machine's GPUs and disks, before Ray starts."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from ray_mtlkd.cluster.address import VARIABLE, address
from ray_mtlkd.data.examples import SetupTables, as_tensors
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders.pretrained import held
from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.sweep.built_models import MOST_MODULES
from ray_mtlkd.sweep.predictions import size_of
from ray_mtlkd.sweep.prepare import Prepared
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.settings import Distillation, Relabelling
from ray_mtlkd.training.step.model import outline

_UNITS = 10_000
"""Ray counts resources in ten-thousandths."""
_BYTES: dict[str, int] = {"float32": 4, "float16": 2}


@dataclass(frozen=True, kw_only=True)
class DiskNeeds:
    """Bytes that a sweep leaves, and those that it has for a while.

    Attributes:
        models: Of all trials that keep theirs.
        predictions: Before they are compressed.
        checkpoints: Of as many of the largest trials as run beside each other on this machine, with soft labels; they
            go as trials end.
        states: Of layers that do not train, in the cache of this machine.
    """

    models: int
    predictions: int
    checkpoints: int
    states: int

    @property
    def total(self) -> int:
        """All at once."""
        return self.models + self.predictions + self.checkpoints + self.states


def check_gpus(prepared: Prepared) -> None:
    """Make sure that the GPUs are here that a trial asks for with its relabelling, where Ray is to start here.

    Raises:
        MtlkdError: where they are not.
    """
    trial = prepared.space.resources.gpus
    asked = relabelling(prepared)
    shared = max(([each.gpus_per_actor] * each.pool_size for each in asked if each.where == "shared"), default=[])
    pooled = max((each.gpus_per_actor for each in asked if each.where == "pool"), default=0.0)
    needed = whole_gpus([*shared, trial, pooled])
    there = torch.cuda.device_count()
    if address() is None and needed > there:
        beside = "" if not (shared or pooled) else " with its relabelling"
        fix = f"ask for less, or connect to a cluster by {VARIABLE}"
        where = "resources.gpus" if trial else "relabel.gpus_per_actor"
        what = f"a trial{beside} asks for {needed} GPU{'s' * (needed != 1)}, and PyTorch finds {there or 'none'} here"
        raise MtlkdError(what, where=where, fix=fix)


def whole_gpus(shares: Sequence[float]) -> int:
    """GPUs that processes take up which hold these shares: Ray gives no process parts of two."""
    left: list[int] = []
    for share in sorted((round(share * _UNITS) for share in shares if share), reverse=True):
        fitting = [at for at, free in enumerate(left) if free >= share]
        if share > _UNITS:
            left += [0] * (share // _UNITS)
        elif fitting:
            left[fitting[0]] -= share
        else:
            left.append(_UNITS - share)
    return len(left)


def relabelling(prepared: Prepared) -> list[Relabelling]:
    """Of the configurations that relabel."""
    configurations = (trial.configuration for trial in prepared.plan.distinct())
    return [each.relabel for each in configurations if each.strategy.curriculum.role == "kd"]


def disk_needs(prepared: Prepared) -> DiskNeeds:
    """About what a sweep takes of a disk: what was trained before, and what other trials need, may make it less."""
    plan, resources = prepared.plan, prepared.space.resources
    views = {key: as_tensors(tables) for key, tables in prepared.tables.items()}
    models: dict[tuple[str, str], int] = {}
    checkpoints: list[int] = []
    outlines = _Outlines(where=prepared.space.name)
    for trial in plan.distinct():
        key = (trial.setup, trial.configuration.architecture.features)
        job = Job(tables=views[key], configuration=trial.configuration, seed=trial.seed)
        sizes = [_sizes(part, outlines.of(part)) for part in job.parts]
        kept = sum(size.model + size.held + len(prepared.featurisers[key]) for size in sizes)
        models[trial.group] = max(kept, models.get(trial.group, 0))
        checkpoints.append(sum(size.checkpoint for size in sizes))
    replicated = plan.chosen * len(prepared.space.replicate.seeds)
    trials = {"replicates": replicated, "all": plan.search_size + replicated, "none": 0}[resources.keep_models]
    beside = max(1, min((os.cpu_count() or 1) // resources.cpus, plan.size))
    return DiskNeeds(
        models=sum(models.values()) * trials,
        predictions=size_of(prepared).bytes if resources.keep_predictions else 0,
        checkpoints=beside * max(checkpoints),
        states=sum(state.bytes for state in prepared.states if state.fits and state.seconds),
    )


@dataclass(frozen=True, kw_only=True)
class _Sizes:
    """Bytes of a model: what trains, what stays as it is, and a checkpoint of its run."""

    model: int
    held: int
    checkpoint: int


class _ModelBytes(NamedTuple):
    """What trains of a model, and what stays as it is."""

    trained: int
    held: int


class _Outlines:
    """Sizes of models: most configurations have one in common, and of a great many the first ones tell enough.

    Args:
        where: Names them in errors.
    """

    def __init__(self, *, where: str) -> None:
        self._where = where
        self._known: dict[tuple[str, Architecture, tuple[str, ...]], _ModelBytes] = {}
        self._modules = 0

    def of(self, job: Job) -> _ModelBytes:
        """Of the job's; the largest of those that are known, where they are too many."""
        tables, architecture = job.tables, job.configuration.architecture
        same = (tables.name, architecture, tuple(table.task.name for table in tables.tasks))
        if same not in self._known and self._modules > MOST_MODULES:
            return max(self._known.values())
        if same not in self._known:
            model = outline(architecture, tables.tasks, where=self._where)
            self._modules += sum(1 for _ in model.modules())
            trained = sum(tensor.numel() * tensor.itemsize for tensor in model.state_dict().values())
            self._known[same] = _ModelBytes(trained, _held(model))
        return self._known[same]


def _sizes(job: Job, model: _ModelBytes) -> _Sizes:
    configuration, trained = job.configuration, model.trained
    averages = (configuration.training.ema is not None) + (configuration.kd.teacher == "ema")
    whole = trained * (3 + averages)  # with Adam's two moments
    # the live one, the best, and each task's peak, or as many of them as a teacher is the mean of
    of_a_task = configuration.kd.average_of if configuration.kd.teacher == "average" else 1
    snapshots = 1 + of_a_task * len(job.tables.tasks)
    each = whole if configuration.strategy.curriculum.rewinds else trained * (1 + (configuration.kd.teacher == "ema"))
    soft = _soft(job.tables, configuration.kd) if configuration.strategy.curriculum.role == "kd" else 0
    return _Sizes(model=trained, held=model.held, checkpoint=whole + snapshots * each + soft)


def _held(model: MultitaskModel) -> int:
    return sum(tensor.numel() * tensor.itemsize for tensor in held(model).values())


def _soft(tables: SetupTables[torch.Tensor], settings: Distillation) -> int:
    """Of the soft labels of all tasks' own rows."""
    number = _BYTES[settings.soft_labels]
    found = 0
    for table in tables.tasks:
        outputs, top = table.task.outputs, settings.top_k
        a_row = outputs * number if top is None or top >= outputs else top * (number + 4)
        found += len(table.train.labels) * a_row
    return found
