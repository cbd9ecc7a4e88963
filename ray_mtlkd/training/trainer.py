"""The parts of a run that learn: model, optimizer, balancer, samplers; one physical step at a time."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.build import build
from ray_mtlkd.strategies import dump_state, load_state
from ray_mtlkd.strategies.balancers.base import Signals, Weights
from ray_mtlkd.tasks import kinds
from ray_mtlkd.training.batches import Sampler
from ray_mtlkd.training.convergence import Tracker
from ray_mtlkd.training.gradients import SharedGradients
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.optimizer import Optimizer
from ray_mtlkd.training.progress import Internals, Moment


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """What one step did, for the A active tasks: losses [A], shared weights [A], gram [A][A] where measured."""

    losses: tuple[float, ...]
    weights: tuple[float, ...]
    gram: tuple[tuple[float, ...], ...]


class Trainer:
    """One model in training.

    Args:
        job: Its tables decide the device.
    """

    def __init__(self, job: Job) -> None:
        self._tables = job.tables.tasks
        settings = job.configuration.training
        torch.manual_seed(job.seed)
        self.model = build(job.configuration.encoder, [(table.task, table.layout) for table in self._tables])
        self._device = self._tables[0].train.row_ids.device
        self.model.to(self._device)
        self._optimizer = Optimizer(self.model, settings)
        self._balancer = job.configuration.strategy.balancer
        self._state = self._balancer.init(len(self._tables))
        self._fresh_state = self._state
        self._kd = job.configuration.kd
        self._rng = random.Random(job.seed)  # noqa: S311 - order of projections, not a secret
        self._samplers = [
            Sampler(rows=len(table.train), batch_size=settings.batch_size, seed=job.seed, task=table.task.name)
            for table in self._tables
        ]
        self._matrix = None if self._balancer.needs == "losses" else SharedGradients(self.model, len(self._tables))
        self._own = [self.model.own(task) for task in range(len(self._tables))]

    def step(self, tasks: Sequence[int], *, soft: Mapping[int, Tensor], switched: frozenset[int]) -> StepReport:
        """Train one batch of each of ``tasks`` (ascending), on soft labels where there are some.

        Raises:
            MtlkdError: where a loss is NaN or infinite; nothing is updated then.
        """
        self.model.train()
        if self._matrix is None:
            report = self._weigh_losses(tasks, soft=soft, switched=switched)
        else:
            report = self._weigh_gradients(self._matrix, tasks, soft=soft, switched=switched)
        self._optimizer.step()
        return report

    def capture(self, trackers: Sequence[Tracker]) -> Moment:
        """Everything that trains, copied."""
        generators = {"rng": torch.get_rng_state()}
        if self._device.type == "cuda":
            generators["rng_cuda"] = torch.cuda.get_rng_state(self._device)
        version, words, gauss = self._rng.getstate()
        return Moment(
            tensors={
                **self.parameters(),
                **{f"optimizer.{key}": tensor for key, tensor in self._optimizer.tensors().items()},
                **generators,
            },
            internals=Internals(
                positions=tuple(sampler.position for sampler in self._samplers),
                trackers=tuple(trackers),
                balancer=dump_state(self._state),
                rng=(version, words, gauss),
            ),
        )

    def parameters(self) -> dict[str, Tensor]:
        """The model's parameters and buffers, copied: ``model.*``."""
        return {f"model.{key}": tensor.detach().clone() for key, tensor in self.model.state_dict().items()}

    def restore(self, moment: Moment) -> tuple[Tracker, ...]:
        """Go back to a captured moment; returns its trackers."""
        if moment.internals is None:
            raise ValueError("this moment holds only parameters")
        self.model.load_state_dict(parameters_of(moment))
        prefix = "optimizer."
        self._optimizer.load(
            {key.removeprefix(prefix): tensor for key, tensor in moment.tensors.items() if key.startswith(prefix)}
        )
        torch.set_rng_state(moment.tensors["rng"])
        if "rng_cuda" in moment.tensors:
            torch.cuda.set_rng_state(moment.tensors["rng_cuda"], self._device)
        self._rng.setstate(moment.internals.rng)
        for sampler, position in zip(self._samplers, moment.internals.positions, strict=True):
            sampler.move(position)
        self._state = load_state(self._fresh_state, moment.internals.balancer)
        return moment.internals.trackers

    def _weigh_losses(
        self, tasks: Sequence[int], *, soft: Mapping[int, Tensor], switched: frozenset[int]
    ) -> StepReport:
        losses = [self._loss(task, soft.get(task)) for task in tasks]
        values = self._checked(tasks, torch.stack([loss.detach() for loss in losses]).tolist())
        weights = self._weigh(self._signals(tasks, values, switched))
        total = torch.stack(losses) @ torch.tensor(weights.shared, device=self._device)
        total.backward()  # type: ignore[no-untyped-call]
        return StepReport(losses=values, weights=weights.shared, gram=())

    def _weigh_gradients(
        self, matrix: SharedGradients, tasks: Sequence[int], *, soft: Mapping[int, Tensor], switched: frozenset[int]
    ) -> StepReport:
        losses = []
        for task in tasks:
            loss = self._loss(task, soft.get(task))
            matrix.backward(task, loss)
            losses.append(loss.detach())
        matrix.gather(tasks)
        by_gram = self._balancer.needs == "gram"
        measured = matrix.gram(tasks) if by_gram else matrix.norms(tasks)
        # one transfer for losses and measurements alike
        numbers = torch.cat([torch.stack(losses), measured.flatten()]).tolist()
        values = self._checked(tasks, numbers[: len(tasks)])
        rest = tuple(numbers[len(tasks) :])
        gram = tuple(zip(*[iter(rest)] * len(tasks), strict=True)) if by_gram else ()
        signals = self._signals(tasks, values, switched, gram=gram, norms=() if by_gram else rest)
        weights = self._weigh(signals)
        matrix.combine(tasks, weights.shared)
        for task, weight in zip(tasks, weights.heads, strict=True):
            if weight != 1.0:
                for parameter in self._own[task]:
                    if parameter.grad is not None:
                        parameter.grad.mul_(weight)
        return StepReport(losses=values, weights=weights.shared, gram=gram)

    def _loss(self, task: int, soft: Tensor | None) -> Tensor:
        table = self._tables[task]
        rows = self._samplers[task].draw().to(self._device)
        outputs = self.model(task, table.train.take(rows))
        at = table.train.places(rows)
        if soft is None:
            return kinds.loss(table.task, outputs, table.train.labels[at])
        return self._kd.kd_weight * kinds.distill(table.task, outputs, soft[at], temperature=self._kd.temperature)

    def _signals(
        self,
        tasks: Sequence[int],
        losses: tuple[float, ...],
        switched: frozenset[int],
        *,
        norms: tuple[float, ...] = (),
        gram: tuple[tuple[float, ...], ...] = (),
    ) -> Signals:
        return Signals(
            tasks=tuple(tasks),
            losses=losses,
            regression=tuple(self._tables[task].task.kind == "regression" for task in tasks),
            switched=switched,
            norms=norms,
            gram=gram,
            rng=self._rng,
        )

    def _weigh(self, signals: Signals) -> Weights:
        weights, self._state = self._balancer.weigh(signals, self._state)
        return weights

    def _checked(self, tasks: Sequence[int], losses: Sequence[float]) -> tuple[float, ...]:
        for task, value in zip(tasks, losses, strict=True):
            if not math.isfinite(value):
                raise MtlkdError(
                    f"the loss is {value}",
                    where=f"task {self._tables[task].task.name}",
                    fix="lower training.lr, or look for extreme values in the task's inputs and labels",
                )
        return tuple(losses)


def parameters_of(moment: Moment) -> dict[str, Tensor]:
    """The model's state dict in a moment."""
    prefix = "model."
    return {key.removeprefix(prefix): tensor for key, tensor in moment.tensors.items() if key.startswith(prefix)}
