"""The parts of a run that learn: model, optimizer, balancer, samplers; one physical step at a time."""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ray_mtlkd.data.device import chance, replay
from ray_mtlkd.models.architecture import penalties, penalty_of, shrink
from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.serial import dumps, loads
from ray_mtlkd.strategies.balancers.base import Signals, Weights, state_type
from ray_mtlkd.tasks.kinds import loss_of
from ray_mtlkd.training.evaluation.convergence import Tracker
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.optimizer.average import Average
from ray_mtlkd.training.optimizer.optimizer import Optimizer
from ray_mtlkd.training.state.progress import Internals, Snapshot
from ray_mtlkd.training.state.soft_labels import SoftTarget
from ray_mtlkd.training.step.feed import feed
from ray_mtlkd.training.step.gradient_weighing import GradientWeighing
from ray_mtlkd.training.step.loss_weighing import LossWeighing
from ray_mtlkd.training.step.model import model_for
from ray_mtlkd.training.step.objective import Objective
from ray_mtlkd.training.step.pull import Pulls
from ray_mtlkd.training.step.streamed_weighing import StreamedWeighing
from ray_mtlkd.training.step.weighing import (
    StepReport,
    TaskMeasures,
    Weighing,
    gradients_for,
    matrix_bytes,
    refuse_infinite_loss,
)
from ray_mtlkd.training.transfer import TransferSet

MODEL, TEACHER = "model.", "teacher."
"""What a snapshot's tensors begin with: what is evaluated, and the moving average that teaches."""


class Trainer:
    """One model in training.

    Args:
        job: Its tables decide the device.

    Attributes:
        pulls: Measures what its tasks' losses do to it.
    """

    def __init__(self, job: Job) -> None:
        self._tables = job.tables.tasks
        settings = job.configuration.training
        torch.manual_seed(job.seed)
        self._architecture = job.configuration.architecture
        self._model = model_for(self._architecture, self._tables)
        self._device = self._tables[0].train.labels.device
        self._average = None if settings.ema is None else Average(self._model, settings.ema)
        self._teacher = Average(self._model, job.configuration.kd.ema) if job.teacher == "ema" else None
        self._optimizer = Optimizer(self._model, settings)
        self._balancer = job.configuration.strategy.balancer
        self._state = self._balancer.init(len(self._tables))
        self._objective = Objective(self._model, self._tables, job.configuration)
        self.pulls = Pulls(self._model, self._objective, job)
        self._rng = random.Random(job.seed)  # noqa: S311 - order of projections, not a secret
        self._feed = feed(job.tables, settings, seed=job.seed)
        self._weighing = self._weighing_for(job)
        self._skills: tuple[float | None, ...] = (None,) * len(self._tables)

    def _weighing_for(self, job: Job) -> Weighing:
        needs, asked = self._balancer.needs, gradients_for(job.configuration, shares_rows=job.tables.shares_rows)
        if asked is None:
            return LossWeighing(
                self._objective,
                self._optimizer,
                shares_tables=bool(self._model.shared_sparse()),
                balancer=self._balancer.name,
            )
        if matrix_bytes(self._model, only_last=asked.only_last) > job.gradient_bytes:
            return StreamedWeighing(
                self._model,
                self._objective,
                needs=needs,
                most_bytes=job.gradient_bytes,
                keeps_graphs=asked.of_whole_batches,
            )
        return GradientWeighing(self._model, self._objective, needs=needs, only_last=asked.only_last)

    @property
    def model(self) -> MultitaskModel:
        """What is evaluated and kept: the model in training, or the moving average of its parameters."""
        return self._model if self._average is None else self._average.model

    @property
    def epochs(self) -> tuple[float, ...]:
        """How often the rows that each task learns from have been gone through [T]."""
        return self._feed.epochs

    def penalties(self) -> dict[str, float]:
        """What the model in training is charged beside the tasks' losses, by whom."""
        return penalties(self._model, self._architecture)

    def hear(self, skills: Sequence[float | None]) -> None:
        """What an evaluation has found: skills on validation [T], None of a task that was not evaluated.

        The balancer is told of them from now on, and the model that its parameters were evaluated.
        """
        self._skills = tuple(skills)
        self._model.remember()

    def teach(self, task: int, rows: TransferSet) -> None:
        """From now on, a task that learns from soft labels draws these rows."""
        self._feed.teach(task, rows)

    def step(
        self, tasks: Sequence[int], *, soft: Mapping[int, SoftTarget], share: float, fall: float = 1.0
    ) -> StepReport:
        """Train one batch of each of ``tasks`` (ascending), on soft labels where there are some.

        Args:
            tasks: Those that train.
            soft: What tasks that distil learn from, by task.
            share: Of the budget, that is spent after this step.
            fall: What the cool-down leaves of the learning rate, in [0, 1].

        Raises:
            MtlkdError: where a loss is NaN or infinite; nothing is updated then.
        """
        if not self._model.training:
            self._model.train()
        batches = self._feed.draw(tasks, taught=soft.keys())
        report = self._weighing.backward(batches, soft=soft, weigh=lambda measured: self._weigh(measured, soft))
        self._add_penalty()
        lr = self._optimizer.step(share, fall=fall)
        shrink(self._model, self._architecture, step=lr)
        for average in (self._average, self._teacher):
            if average is not None:
                average.update()
        return replace(report, lr=lr)

    def capture(self, trackers: Sequence[Tracker], *, into: Mapping[str, Tensor]) -> Snapshot:
        """Everything that trains, copied; parameters as `parameters` does it."""
        version, words, gauss = self._rng.getstate()
        return Snapshot(
            tensors={
                **self.parameters(into=into),
                **self._raw(),
                **{f"optimizer.{key}": tensor for key, tensor in self._optimizer.tensors().items()},
                **chance(self._device),
            },
            internals=Internals(
                drawn=self._feed.drawn,
                trackers=tuple(trackers),
                balancer=dumps(self._state),
                rng=(version, words, gauss),
            ),
        )

    def parameters(self, *, into: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Parameters and buffers of what is evaluated, copied: ``model.*``; of what teaches: ``teacher.*``.

        Args:
            into: Tensors of an earlier copy that nobody needs any more, or none; they are written over.
        """
        found = {f"{MODEL}{key}": tensor.detach() for key, tensor in self.model.state_dict().items()}
        if self._teacher is not None:
            teacher = self._teacher.model.state_dict()
            found |= {f"{TEACHER}{key}": tensor.detach() for key, tensor in teacher.items()}
        return {key: into[key].copy_(tensor) if key in into else tensor.clone() for key, tensor in found.items()}

    def _raw(self) -> dict[str, Tensor]:
        """Where there is a moving average, the steps so far; what it averages, where it is evaluated: ``raw.*``."""
        found: dict[str, Tensor] = {}
        if self._average is not None:
            found = {f"raw.{key}": tensor.detach().clone() for key, tensor in self._model.state_dict().items()}
            found["averaged"] = torch.tensor(self._average.steps)
        if self._teacher is not None:
            found["taught"] = torch.tensor(self._teacher.steps)
        return found

    def restore(self, snapshot: Snapshot) -> tuple[Tracker, ...]:
        """Go back to a captured snapshot; returns its trackers."""
        if snapshot.internals is None:
            raise ValueError("this snapshot holds only parameters")
        self.model.load_state_dict(parameters_of(snapshot))
        if self._average is not None:
            self._model.load_state_dict(parameters_of(snapshot, "raw."))
            self._average.steps = int(snapshot.tensors["averaged"])
        if self._teacher is not None:
            self._teacher.model.load_state_dict(parameters_of(snapshot, TEACHER))
            self._teacher.steps = int(snapshot.tensors["taught"])
        prefix = "optimizer."
        self._optimizer.load(
            {key.removeprefix(prefix): tensor for key, tensor in snapshot.tensors.items() if key.startswith(prefix)}
        )
        replay(snapshot.tensors, self._device)
        self._rng.setstate(snapshot.internals.rng)
        self._feed.move(snapshot.internals.drawn)
        self._state = loads(
            state_type(self._balancer),
            snapshot.internals.balancer,
            where=f"the state of {self._balancer.name}",
            fix="resume with the configuration that the checkpoint was written under",
        )
        return snapshot.internals.trackers

    def _add_penalty(self) -> None:
        """Add the penalty's gradient to ``.grad`` of whatever parameters it depends on."""
        penalty = penalty_of(self._model, self._architecture)
        if penalty is None or not penalty.requires_grad:
            return
        refuse_infinite_loss("penalty", penalty.item(), where="penalty")
        parameters = self._optimizer.dense
        gradients = torch.autograd.grad(penalty, parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient

    def _weigh(self, measured: TaskMeasures, distilling: Collection[int]) -> Weights:
        for task, value in zip(measured.tasks, measured.losses, strict=True):
            refuse_infinite_loss("loss", value, where=f"task {self._tables[task].task.name}")
        signals = Signals(
            tasks=measured.tasks,
            losses=measured.losses,
            regression=tuple(loss_of(self._tables[task].task).is_squared_error for task in measured.tasks),
            names=tuple(self._tables[task].task.name for task in measured.tasks),
            distilling=frozenset(distilling).intersection(measured.tasks),
            skills=tuple(self._skills[task] for task in measured.tasks),
            norms=measured.norms,
            gram=measured.gram,
            rng=self._rng,
        )
        weights, self._state = self._balancer.weigh(signals, self._state)
        return weights


def parameters_of(snapshot: Snapshot, prefix: str = MODEL) -> dict[str, Tensor]:
    """The model's state dict in a snapshot."""
    return {key.removeprefix(prefix): tensor for key, tensor in snapshot.tensors.items() if key.startswith(prefix)}
