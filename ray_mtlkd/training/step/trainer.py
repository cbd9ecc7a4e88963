"""The parts of a run that learn: model, optimizer, balancer, samplers; one physical step at a time."""

import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ray_mtlkd.data.device import on_device
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.architecture import penalty_of
from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.serial import dumps, loads
from ray_mtlkd.strategies.balancers.base import Signals, Weights, state_type
from ray_mtlkd.tasks.kinds import loss_of
from ray_mtlkd.training.evaluation.convergence import Tracker
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.optimizer.average import Average
from ray_mtlkd.training.optimizer.optimizer import Optimizer
from ray_mtlkd.training.state.progress import Internals, Snapshot
from ray_mtlkd.training.state.soft_labels import SoftTable
from ray_mtlkd.training.step.feed import Batch, feed
from ray_mtlkd.training.step.gradients import SharedGradients
from ray_mtlkd.training.step.model import model_for
from ray_mtlkd.training.step.objective import Objective


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """What one step did, for the A tasks that took a batch: losses [A], shared weights [A], gram [A][A] where measured.

    A task takes none where it waits, has stopped, or labels no row of a batch that all tasks share.
    """

    tasks: tuple[int, ...]
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
        self._architecture = job.configuration.architecture
        self._model = model_for(self._architecture, self._tables)
        self._device = self._tables[0].train.labels.device
        self._average = None if settings.ema is None else Average(self._model, settings.ema)
        self._optimizer = Optimizer(self._model, settings)
        self._balancer = job.configuration.strategy.balancer
        self._state = self._balancer.init(len(self._tables))
        self._objective = Objective(self._model, self._tables, job.configuration)
        self._rng = random.Random(job.seed)  # noqa: S311 - order of projections, not a secret
        self._feed = feed(job.tables, settings, seed=job.seed)
        # A batch in parts does not wait for weights: each part's graph is gone before the next one is built.
        whole = settings.accumulation == 1
        only_last = self._balancer.needs == "norms" and job.tables.shares_rows and whole
        by_losses = self._balancer.needs == "losses" and whole
        self._matrix = None if by_losses else SharedGradients(self._model, only_last=only_last)
        self._shares_tables = bool(self._model.shared_sparse())
        self._own = [self._model.own(task) for task in range(len(self._tables))]

    @property
    def model(self) -> MultitaskModel:
        """What is evaluated and kept: the model in training, or the moving average of its parameters."""
        return self._model if self._average is None else self._average.model

    def step(
        self, tasks: Sequence[int], *, soft: Mapping[int, SoftTable], switched: frozenset[int], share: float
    ) -> StepReport:
        """Train one batch of each of ``tasks`` (ascending), on soft labels where there are some.

        Args:
            tasks: Those that train.
            soft: Soft labels by task, aligned with its train labels.
            switched: Tasks whose targets were replaced since the last step.
            share: Of the budget, that is spent after this step.

        Raises:
            MtlkdError: where a loss is NaN or infinite; nothing is updated then.
        """
        if not self._model.training:
            self._model.train()
        batches = self._feed.draw(tasks)
        if self._matrix is None:
            report = self._weigh_losses(batches, soft=soft, switched=switched)
        else:
            report = self._weigh_gradients(self._matrix, batches, soft=soft, switched=switched)
        self._add_penalty()
        self._optimizer.step(share)
        if self._average is not None:
            self._average.update()
        return report

    def capture(self, trackers: Sequence[Tracker], *, into: Mapping[str, Tensor]) -> Snapshot:
        """Everything that trains, copied; parameters as `parameters` does it."""
        generators = {"rng": torch.get_rng_state()}
        if self._device.type == "cuda":
            generators["rng_cuda"] = torch.cuda.get_rng_state(self._device)
        version, words, gauss = self._rng.getstate()
        return Snapshot(
            tensors={
                **self.parameters(into=into),
                **self._raw(),
                **{f"optimizer.{key}": tensor for key, tensor in self._optimizer.tensors().items()},
                **generators,
            },
            internals=Internals(
                drawn=self._feed.drawn,
                trackers=tuple(trackers),
                balancer=dumps(self._state),
                rng=(version, words, gauss),
            ),
        )

    def parameters(self, *, into: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Parameters and buffers of what is evaluated, copied: ``model.*``.

        Args:
            into: Tensors of an earlier copy that nobody needs any more, or none; they are written over.
        """
        found = {f"model.{key}": tensor.detach() for key, tensor in self.model.state_dict().items()}
        return {key: into[key].copy_(tensor) if key in into else tensor.clone() for key, tensor in found.items()}

    def _raw(self) -> dict[str, Tensor]:
        """Where there is a moving average, what it averages: ``raw.*``, and the steps so far."""
        if self._average is None:
            return {}
        raw = {f"raw.{key}": tensor.detach().clone() for key, tensor in self._model.state_dict().items()}
        return {**raw, "averaged": torch.tensor(self._average.steps)}

    def restore(self, snapshot: Snapshot) -> tuple[Tracker, ...]:
        """Go back to a captured snapshot; returns its trackers."""
        if snapshot.internals is None:
            raise ValueError("this snapshot holds only parameters")
        self.model.load_state_dict(parameters_of(snapshot))
        if self._average is not None:
            self._model.load_state_dict(parameters_of(snapshot, "raw."))
            self._average.steps = int(snapshot.tensors["averaged"])
        prefix = "optimizer."
        self._optimizer.load(
            {key.removeprefix(prefix): tensor for key, tensor in snapshot.tensors.items() if key.startswith(prefix)}
        )
        torch.set_rng_state(snapshot.tensors["rng"])
        if "rng_cuda" in snapshot.tensors:
            torch.cuda.set_rng_state(snapshot.tensors["rng_cuda"], self._device)
        self._rng.setstate(snapshot.internals.rng)
        self._feed.move(snapshot.internals.drawn)
        self._state = loads(
            state_type(self._balancer),
            snapshot.internals.balancer,
            where=f"the state of {self._balancer.name}",
            fix="resume with the configuration that the checkpoint was written under",
        )
        return snapshot.internals.trackers

    def _weigh_losses(
        self, batches: Sequence[Batch], *, soft: Mapping[int, SoftTable], switched: frozenset[int]
    ) -> StepReport:
        tasks = _tasks(batches)
        targets = [target for batch in batches for target in batch.targets]
        outputs = [self._objective.outputs(batch) for batch in batches]
        losses = self._objective.losses(targets, [found for each in outputs for found in each], soft)
        values = self._checked(tasks, losses.tolist())
        weights = self._weigh(self._signals(tasks, values, switched))
        if weights.heads != weights.shared:
            raise MtlkdError(
                "a balancer that needs losses alone weighs each loss as a whole, but gave heads other weights",
                where=f"balancer {self._balancer.name}",
                fix='return the same weights for heads, or need "norms" or "gram"',
            )
        self._backward_weighted(losses, on_device(weights.shared, losses), outputs)
        return StepReport(tasks=tasks, losses=values, weights=weights.shared, gram=())

    def _backward_weighted(self, losses: Tensor, weights: Tensor, outputs: Sequence[Sequence[Tensor]]) -> None:
        """Set ``.grad`` to the gradient of the weighted losses [A] of batches with the given outputs."""
        if len(outputs) == 1 or not self._shares_tables:
            losses.backward(weights)  # type: ignore[no-untyped-call]
            return
        seeds = iter(torch.autograd.grad(losses, [found for each in outputs for found in each], weights))
        for each in outputs:
            torch.autograd.backward(each, [next(seeds) for _ in each])
            self._optimizer.put_aside()

    def _weigh_gradients(
        self,
        matrix: SharedGradients,
        batches: Sequence[Batch],
        *,
        soft: Mapping[int, SoftTable],
        switched: frozenset[int],
    ) -> StepReport:
        tasks = _tasks(batches)
        matrix.begin(tasks)
        losses = torch.cat([self._backward(matrix, batch, soft) for batch in batches])
        matrix.gather(tasks)
        needs = self._balancer.needs
        empty = torch.zeros(0, device=self._device)
        measured = {"losses": lambda _: empty, "norms": matrix.norms, "gram": matrix.gram}[needs](tasks)
        # one transfer for losses and measurements alike
        numbers = torch.cat([losses, measured.flatten()]).tolist()
        values = self._checked(tasks, _totals(batches, numbers[: len(losses)]))
        rest = tuple(numbers[len(losses) :])
        gram = tuple(zip(*[iter(rest)] * len(tasks), strict=True)) if needs == "gram" else ()
        signals = self._signals(tasks, values, switched, gram=gram, norms=rest if needs == "norms" else ())
        weights = self._weigh(signals)
        matrix.combine(tasks, weights.shared)
        for task, weight in zip(tasks, weights.heads, strict=True):
            if weight != 1.0:
                for parameter in self._own[task]:
                    if parameter.grad is not None:
                        parameter.grad.mul_(weight)
        return StepReport(tasks=tasks, losses=values, weights=weights.shared, gram=gram)

    def _backward(self, matrix: SharedGradients, batch: Batch, soft: Mapping[int, SoftTable]) -> Tensor:
        """The batch's losses [A], each scaled by its share of the task's labels, after their backward."""
        tasks = [target.task for target in batch.targets]
        if len(tasks) == 1 or not self._objective.is_split:
            losses = self._objective.losses(batch.targets, self._objective.outputs(batch), soft)
            matrix.backward(tasks, losses)
            return losses.detach()
        representations = self._objective.represent(batch)
        leaves = [tuple(tensor.detach().requires_grad_() for tensor in each) for each in representations]
        losses = self._objective.losses(batch.targets, self._objective.read(batch, leaves), soft)
        losses.backward(torch.ones_like(losses))  # type: ignore[no-untyped-call]
        gradients = [[leaf.grad for leaf in each] for each in leaves]
        matrix.backward_through(tasks, representations, gradients)
        return losses.detach()

    def _add_penalty(self) -> None:
        """Add the penalty's gradient to ``.grad`` of whatever parameters it depends on."""
        penalty = penalty_of(self._model, self._architecture)
        if penalty is None or not penalty.requires_grad:
            return
        if not math.isfinite(value := penalty.item()):
            raise _not_finite("penalty", value, where="penalty")
        parameters = self._optimizer.dense
        gradients = torch.autograd.grad(penalty, parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient

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
            regression=tuple(loss_of(self._tables[task].task).is_squared_error for task in tasks),
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
                raise _not_finite("loss", value, where=f"task {self._tables[task].task.name}")
        return tuple(losses)


def _not_finite(what: str, value: float, *, where: str) -> MtlkdError:
    fix = "lower training.lr, or look for extreme values in the task's inputs and labels"
    return MtlkdError(f"the {what} is {value}", where=where, fix=fix)


def _tasks(batches: Sequence[Batch]) -> tuple[int, ...]:
    return tuple(sorted({target.task for batch in batches for target in batch.targets}))


def _totals(batches: Sequence[Batch], losses: Sequence[float]) -> list[float]:
    """Each task's loss [A], by ascending task: the sum of its targets' losses."""
    totals: dict[int, float] = defaultdict(float)
    for target, loss in zip((target for batch in batches for target in batch.targets), losses, strict=True):
        totals[target.task] += loss
    return [totals[task] for task in sorted(totals)]


def parameters_of(snapshot: Snapshot, prefix: str = "model.") -> dict[str, Tensor]:
    """The model's state dict in a snapshot."""
    return {key.removeprefix(prefix): tensor for key, tensor in snapshot.tensors.items() if key.startswith(prefix)}
