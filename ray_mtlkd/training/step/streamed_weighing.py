"""Weights from the tasks' gradients where a matrix of them would take too much memory: some parameters at a time.

J [T, P] is cut into parts J_p of whole parameters, of which one is there at a time: G = sum_p J_p J_p^T. Once the
balancer has spoken, the weighted losses go backward once more. So a step takes a backward pass a part, down to the
part's lowest parameter, and one that trains; where batches go through the network piece by piece, as many forward
passes too, in which the same chance decides.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from ray_mtlkd.data.device import chance, on_device, replay
from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.strategies.balancers.base import Needs, Weights
from ray_mtlkd.torch_private import add_each
from ray_mtlkd.training.state.soft_labels import SoftTarget
from ray_mtlkd.training.step.feed import Batch
from ray_mtlkd.training.step.gradients import views
from ray_mtlkd.training.step.inner_products import inner_products
from ray_mtlkd.training.step.objective import Objective
from ray_mtlkd.training.step.sparse import SparseGradients
from ray_mtlkd.training.step.weighing import StepReport, Weigh, tasks_of, told

Parameters = tuple[Tensor, ...]


class StreamedWeighing:
    """Weighs each task's gradient on shared parameters, and its own parameters' gradients likewise.

    Args:
        model: In training mode.
        objective: Gives outputs and losses.
        needs: What the balancer is told.
        most_bytes: Of the gradients that are there at a time beside those that the optimizer reads; those of one
            parameter always are.
        keeps_graphs: Whether the graphs of all batches are kept from one pass to the next.
    """

    def __init__(
        self, model: MultitaskModel, objective: Objective, *, needs: Needs, most_bytes: float, keeps_graphs: bool
    ) -> None:
        self._objective = objective
        self._needs = needs
        self._keeps_graphs = keeps_graphs
        self._dense, last = model.shared(), {id(p) for p in model.last_shared()}
        measured: Mapping[Needs, Parameters] = {
            "losses": (),
            "norms": tuple(p for p in self._dense if id(p) in last),
            "gram": self._dense,
        }
        self._sparse = SparseGradients(model.shared_sparse(), last=last)
        self._own = [model.own(task) for task in range(model.num_tasks)]
        # a task's new gradient lies beside the rows of all
        self._parts = _parts(measured[needs], rows=model.num_tasks + 1, most_bytes=most_bytes)
        if self._sparse.parameters and not self._parts:
            self._parts = [()]
        like = next(model.parameters())
        self._rows = like.new_empty(model.num_tasks, max((_size(part) for part in self._parts), default=0))

    def backward(self, batches: Sequence[Batch], *, soft: Mapping[int, SoftTarget], weigh: Weigh) -> StepReport:
        """Set ``.grad`` to the weighted gradients.

        Raises:
            MtlkdError: where ``weigh`` raises it.
        """
        tasks = tasks_of(batches)
        passes = _Passes(self._objective, batches, soft, keeps_graphs=self._keeps_graphs)
        found = self._measure(tasks, passes)
        measured = told(batches, passes.losses(), found, needs=self._needs)
        weights = weigh(measured)
        self._combine(tasks, weights, passes)
        return measured.report(weights)

    def _measure(self, tasks: Sequence[int], passes: "_Passes") -> Tensor:
        """The Gramian [A, A], or norms at the last shared layer [A]; of losses alone nothing."""
        self._sparse.begin(tasks)
        gram = self._rows.new_zeros(len(tasks), len(tasks), dtype=torch.float64)
        for at, part in enumerate(self._parts):
            hashed = self._sparse.parameters if at == len(self._parts) - 1 else ()
            rows = self._rows[: len(tasks), : _size(part)].zero_()
            places = [views(row, part) for row in rows]
            for losses, among in passes:
                for loss, task in zip(losses.unbind(), among, strict=True):
                    found = torch.autograd.grad(loss, (*part, *hashed), retain_graph=True, allow_unused=True)
                    _add(places[tasks.index(task)], found[: len(part)])
                    if hashed:
                        self._sparse.keep(task, found[len(part) :])
            gram += inner_products(rows)
        self._sparse.gather(tasks)
        if self._needs == "gram":
            return self._sparse.add_gram(gram)
        return self._sparse.add_squares(gram.diagonal()).sqrt() if self._needs == "norms" else gram[:0]

    def _combine(self, tasks: Sequence[int], weights: Weights, passes: "_Passes") -> None:
        """Set ``.grad`` of all that the tasks use: their losses have a weight each, and another one for their heads."""
        shared, heads = dict(zip(tasks, weights.shared, strict=True)), dict(zip(tasks, weights.heads, strict=True))
        for parameter in self._dense:
            parameter.grad = None
        self._sparse.combine(on_device(weights.shared, self._rows))
        for losses, among in passes:
            for inputs, factors in (([p for task in among for p in self._own[task]], heads), (self._dense, shared)):
                if inputs:
                    seeds = on_device([factors[task] for task in among], losses)
                    torch.autograd.backward(losses, seeds, retain_graph=factors is heads, inputs=inputs)


class _Passes:
    """The losses of a step's batches, each with its graph and the tasks whose they are, as often as somebody asks.

    Args:
        objective: Gives outputs and losses.
        batches: Of the step.
        soft: What tasks that distil learn from, by task.
        keeps_graphs: Whether later passes have the graphs of the first.
    """

    def __init__(
        self, objective: Objective, batches: Sequence[Batch], soft: Mapping[int, SoftTarget], *, keeps_graphs: bool
    ) -> None:
        self._objective = objective
        self._batches = batches
        self._soft = soft
        self._device = batches[0].targets[0].labels.device
        self._chance: Mapping[str, Tensor] | None = None
        self._losses: Tensor | None = None
        self._kept: list[tuple[Tensor, list[int]]] | None = None
        if keeps_graphs:
            self._kept = list(self)

    def losses(self) -> Tensor:
        """Those of all batches, end to end."""
        with torch.no_grad():
            return torch.cat([losses for losses, _ in self])

    def __iter__(self) -> Iterator[tuple[Tensor, list[int]]]:
        if self._kept is not None:
            yield from self._kept
            return
        if self._chance is None:
            self._chance = chance(self._device)
        else:
            replay(self._chance, self._device)
        found = []
        for batch in self._batches:
            losses = self._objective.losses(batch.targets, self._objective.outputs(batch), self._soft)
            found.append(losses.detach())
            yield losses, [target.task for target in batch.targets]
        self._losses = torch.cat(found)


def _parts(parameters: Parameters, *, rows: int, most_bytes: float) -> list[Parameters]:
    """The parameters in parts, in order, each as large as so many rows of it may be."""
    parts: list[list[Tensor]] = []
    left = 0.0
    for parameter in parameters:
        taken = rows * parameter.numel() * parameter.itemsize
        if taken > left or not parts:
            parts.append([])
            left = most_bytes
        parts[-1].append(parameter)
        left -= taken
    return [tuple(part) for part in parts]


def _size(part: Parameters) -> int:
    return sum(p.numel() for p in part)


def _add(places: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
    found = [(place, each) for place, each in zip(places, gradients, strict=True) if each is not None]
    if found:
        add_each([place for place, _ in found], [each for _, each in found])
