"""Per-task gradients of the shared parameters at the cost of one backward a task.

Each task's gradient becomes a row of one preallocated matrix J [T, P]; G = J J^T feeds the balancer, w^T J is the
update. A row is one plain backward of a task's loss. Where tasks share a batch and the model's forward pass is cut in
two, the heads' backward stops at what the heads read, and every task's gradient goes on from there through the shared
part, whose forward ran once. Hash tables with sparse gradients never enter J: only the rows that the step touched do.

J need not cover all shared parameters. Where a balancer measures the last shared layer only, and the tasks share their
batch, J holds that layer: the weighted sum of what came back to it (or to the losses) goes through the rest once.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from ray_mtlkd.data.device import on_device
from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.torch_private import add_each, copy_each
from ray_mtlkd.training.step.inner_products import inner_products
from ray_mtlkd.training.step.sparse import SparseGradients

Gradients = Sequence[Tensor | None]
"""By each tensor that a head reads; None for one that it leaves unread."""


class SharedGradients:
    """The rows g_t of J for T tasks over P dense shared parameters, and the touched rows of sparse ones.

    Args:
        model: Whose parameters get their ``.grad``.
        only_last: Whether J covers no more than the last shared layer; then all tasks of a step share one batch.

    Attributes:
        own: Parameters that a task alone uses [T].
    """

    def __init__(self, model: MultitaskModel, *, only_last: bool = False) -> None:
        last = {id(p) for p in model.last_shared()}
        dense, sparse = model.shared(), model.shared_sparse()
        covered = {id(p) for p in (*dense, *sparse) if not only_last or id(p) in last}
        self._rest = tuple(p for p in (*dense, *sparse) if id(p) not in covered)
        self._dense = tuple(p for p in dense if id(p) in covered)
        self._sparse = SparseGradients([p for p in sparse if id(p) in covered], last=last)
        self.own = [model.own(task) for task in range(model.num_tasks)]
        like = next(model.parameters())
        ends = list(accumulate((p.numel() for p in self._dense), initial=0))
        slices = [slice(start, stop) for start, stop in pairwise(ends)]
        self._rows = like.new_zeros(model.num_tasks, ends[-1])
        self._update = like.new_zeros(ends[-1])
        self._row_views = [views(row, self._dense) for row in self._rows]
        self._update_views = views(self._update, self._dense)
        self._last = _joined(part for p, part in zip(self._dense, slices, strict=True) if id(p) in last)
        self._begun: set[int] = set()
        self._unread = set(range(len(self._dense)))
        self._passed: list[tuple[Sequence[Tensor], Sequence[Tensor]]] = []

    def begin(self, tasks: Sequence[int]) -> None:
        """Forget the last step."""
        self._begun.clear()
        self._unread = set(range(len(self._dense)))
        self._passed.clear()
        self._sparse.begin(tasks)

    def backward(self, tasks: Sequence[int], losses: Tensor) -> None:
        """Add each loss's gradient to the row of its task, and to the task's own parameters' ``.grad``.

        Exact for any model: one backward through the whole of it a task.

        Args:
            tasks: [A].
            losses: Of one forward pass [A].
        """
        parts = [losses] if len(tasks) == 1 else torch.split(losses, 1)
        for at, (task, loss) in enumerate(zip(tasks, parts, strict=True)):
            self._add(task, [loss], [torch.ones_like(loss)], keep_graph=at + 1 < len(tasks) or bool(self._rest))

    def backward_through(
        self, tasks: Sequence[int], representations: Sequence[Sequence[Tensor]], gradients: Sequence[Gradients]
    ) -> None:
        """Add to the tasks' rows what their losses' gradients by what their heads read come to in the shared part.

        Args:
            tasks: [A].
            representations: What each task's head read [A].
            gradients: Of each task's loss, by each tensor of its representation [A].
        """
        for at, (task, representation, parts) in enumerate(zip(tasks, representations, gradients, strict=True)):
            # what nothing trains below has no gradient to pass on
            read = [
                (tensor, part)
                for tensor, part in zip(representation, parts, strict=True)
                if part is not None and tensor.requires_grad
            ]
            outputs, seeds = [tensor for tensor, _ in read], [part for _, part in read]
            self._add(task, outputs, seeds, keep_graph=at + 1 < len(tasks) or bool(self._rest))

    def gather(self, tasks: Sequence[int]) -> None:
        """Bring the sparse gradients of the step's tasks onto their common rows."""
        self._sparse.gather(tasks)

    def gram(self, tasks: Sequence[int]) -> Tensor:
        """Inner products of the tasks' shared gradients [A, A], in float64; after `gather`."""
        return self._sparse.add_gram(inner_products(self._of(tasks)))

    def norms(self, tasks: Sequence[int]) -> Tensor:
        """Norms of the tasks' gradients at the last shared layer [A]; after `gather`."""
        squares = self._rows.new_zeros(len(tasks))
        for part in self._last:
            squares = squares + torch.linalg.vector_norm(self._of(tasks)[:, part], dim=1).square()
        return self._sparse.add_squares(squares).sqrt()

    def combine(self, tasks: Sequence[int], weights: Sequence[float]) -> None:
        """Set ``.grad`` of the shared parameters to sum_i weights[i] g_i; after `gather`.

        It is None where no task of the step has a gradient: zeros would move the parameter by momentum and decay.
        """
        w = on_device(weights, self._rows)
        torch.mv(self._of(tasks).T, w, out=self._update)
        for at, (parameter, view) in enumerate(zip(self._dense, self._update_views, strict=True)):
            parameter.grad = None if at in self._unread else view
        self._sparse.combine(w)
        if self._rest:
            outputs, seeds = _weighted(self._passed, weights)
            torch.autograd.backward(outputs, seeds, inputs=self._rest)

    def _add(self, task: int, outputs: Sequence[Tensor], seeds: Sequence[Tensor], *, keep_graph: bool) -> None:
        """Add to the task's row, its sparse gradients and its own parameters' ``.grad``."""
        own, hashed = self.own[task], self._sparse.parameters
        inputs = (*self._dense, *hashed, *own)
        found: Gradients = (None,) * len(inputs)
        if outputs:
            found = torch.autograd.grad(outputs, inputs, seeds, retain_graph=keep_graph, allow_unused=True)
        self._add_to_row(task, found[: len(self._dense)])
        self._sparse.keep(task, found[len(self._dense) : len(self._dense) + len(hashed)])
        for parameter, gradient in zip(own, found[len(self._dense) + len(hashed) :], strict=True):
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
        if self._rest:
            self._passed.append((outputs, seeds))

    def _add_to_row(self, task: int, gradients: Gradients) -> None:
        used = [(view, part) for view, part in zip(self._row_views[task], gradients, strict=True) if part is not None]
        if self._unread:
            self._unread.intersection_update(at for at, part in enumerate(gradients) if part is None)
        if task not in self._begun and len(used) < len(gradients):
            self._rows[task].zero_()
        # to copy the first part is cheaper than to clear the row and add to it
        write = add_each if task in self._begun else copy_each
        if used:
            write([view for view, _ in used], [part for _, part in used])
        self._begun.add(task)

    def _of(self, tasks: Sequence[int]) -> Tensor:
        """The tasks' rows of J: a view where they lie side by side, as they do when all tasks train."""
        first, last = tasks[0], tasks[-1]
        return self._rows[first : last + 1] if last - first + 1 == len(tasks) else self._rows[list(tasks)]


def views(row: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
    """Where each parameter's numbers stand in a row of all of them [P], in its own shape."""
    places = torch.split(row, [p.numel() for p in parameters])
    return [flat.view(p.shape) for flat, p in zip(places, parameters, strict=True)]


def _joined(slices: Iterable[slice]) -> list[slice]:
    """The same places in as few slices as possible."""
    joined: list[slice] = []
    for part in slices:
        if joined and joined[-1].stop == part.start:
            joined[-1] = slice(joined[-1].start, part.stop)
        else:
            joined.append(part)
    return joined


def _weighted(
    passed: Sequence[tuple[Sequence[Tensor], Sequence[Tensor]]], weights: Sequence[float]
) -> tuple[list[Tensor], list[Tensor]]:
    """The distinct tensors that A tasks' gradients came back to, and the weighted sum of these gradients at each.

    The sums take the place of the gradients.
    """
    sums: dict[int, tuple[Tensor, Tensor]] = {}
    for (outputs, seeds), weight in zip(passed, weights, strict=True):
        for output, seed in zip(outputs, seeds, strict=True):
            if id(output) in sums:
                sums[id(output)][1].add_(seed, alpha=weight)
            else:
                sums[id(output)] = (output, seed.mul_(weight))
    return [output for output, _ in sums.values()], [total for _, total in sums.values()]
