"""Per-task gradients of the shared parameters at the cost of one backward a task.

Where tasks have batches of their own, each one's backward writes into its own row of one preallocated matrix J [T, P]:
the rows' slices are the ``.grad`` of the shared parameters while that task runs. Where they share a batch, the heads'
backward stops at what the heads read, and one batched backward carries the tasks' gradients from there through the
shared part. G = J J^T feeds the balancer, w^T J is the update. Hash tables with sparse gradients never enter J: only
the rows that the step touched do.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from ray_mtlkd.models.build import MultitaskModel
from ray_mtlkd.training.sparse import SparseGradients

Gradients = Sequence[Tensor | None]
"""By each tensor that a head reads; None for one that it leaves unread."""


class SharedGradients:
    """The rows g_t of J for T tasks over P dense shared parameters, and the touched rows of sparse ones."""

    def __init__(self, model: MultitaskModel, num_tasks: int) -> None:
        self._dense = model.shared()
        self._sparse = SparseGradients(model)
        like = next(model.parameters())
        ends = torch.tensor([0, *(p.numel() for p in self._dense)]).cumsum(0).tolist()
        self._slices = [slice(start, stop) for start, stop in pairwise(ends)]
        self._rows = like.new_zeros(num_tasks, ends[-1])
        self._update = like.new_zeros(ends[-1])
        # a part of the encoder that only one of the tasks uses
        self._own = [model.own_in_represent(task) for task in range(num_tasks)]
        self._row_views = [self._views(self._rows[task]) for task in range(num_tasks)]
        self._update_views = self._views(self._update)
        last = {id(p) for p in model.last_shared()}
        self._last = [part for p, part in zip(self._dense, self._slices, strict=True) if id(p) in last]

    def begin(self, tasks: Sequence[int]) -> None:
        """Forget the last step."""
        for task in tasks:
            self._rows[task].zero_()
        self._sparse.begin(tasks)

    def backward(self, task: int, loss: Tensor) -> None:
        """Add the gradient of ``loss`` [] to the task's row; own parameters accumulate theirs as usual."""
        for parameter, view in zip(self._dense, self._row_views[task], strict=True):
            parameter.grad = view
        for parameter in self._sparse.parameters:
            parameter.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        self._sparse.keep(task, [parameter.grad for parameter in self._sparse.parameters])

    def backward_through(
        self, tasks: Sequence[int], representations: Sequence[tuple[Tensor, ...]], gradients: Sequence[Gradients]
    ) -> None:
        """Add to the tasks' rows what their losses' gradients by what their heads read come to in the shared part.

        Args:
            tasks: [A].
            representations: What each task's head read [A].
            gradients: Of each task's loss, by each tensor of its representation [A].
        """
        outputs, seeds = _stack(representations, gradients)
        for at, task in enumerate(tasks):
            if self._own[task]:
                parts = [seed[at] for seed in seeds]
                torch.autograd.backward(outputs, parts, retain_graph=True, inputs=self._own[task])
        if not self._sparse.parameters:
            at_tasks = torch.tensor(tasks, device=self._rows.device)
            found = torch.autograd.grad(outputs, self._dense, seeds, is_grads_batched=True, allow_unused=True)
            for part, gradient in zip(self._slices, found, strict=True):
                if gradient is not None:
                    self._rows[:, part].index_add_(0, at_tasks, gradient.flatten(1))
            return
        # vmap has no rule for sparse gradients: one backward a task, through the shared part only
        for at, task in enumerate(tasks):
            found = torch.autograd.grad(
                outputs,
                (*self._dense, *self._sparse.parameters),
                [seed[at] for seed in seeds],
                retain_graph=at + 1 < len(tasks),
                allow_unused=True,
            )
            for view, gradient in zip(self._row_views[task], found, strict=False):
                if gradient is not None:
                    view.add_(gradient)
            self._sparse.keep(task, found[len(self._dense) :])

    def gather(self, tasks: Sequence[int]) -> None:
        """Bring the sparse gradients of the step's tasks onto their common rows."""
        self._sparse.gather(tasks)

    def gram(self, tasks: Sequence[int]) -> Tensor:
        """Inner products of the tasks' shared gradients [A, A]; after `gather`."""
        rows = self._of(tasks)
        return self._sparse.add_gram(rows @ rows.T)

    def norms(self, tasks: Sequence[int]) -> Tensor:
        """Norms of the tasks' gradients at the last shared layer [A]; after `gather`."""
        squares = self._rows.new_zeros(len(tasks))
        for part in self._last:
            squares = squares + self._of(tasks)[:, part].square().sum(1)
        return self._sparse.add_squares(squares).sqrt()

    def combine(self, tasks: Sequence[int], weights: Sequence[float]) -> None:
        """Set ``.grad`` of the shared parameters to sum_i weights[i] g_i; after `gather`."""
        w = torch.tensor(weights, dtype=self._rows.dtype, device=self._rows.device)
        torch.mv(self._of(tasks).T, w, out=self._update)
        for parameter, view in zip(self._dense, self._update_views, strict=True):
            parameter.grad = view
        self._sparse.combine(w)

    def _of(self, tasks: Sequence[int]) -> Tensor:
        """The tasks' rows of J: a view where they lie side by side, as they do when all tasks train."""
        first, last = tasks[0], tasks[-1]
        return self._rows[first : last + 1] if last - first + 1 == len(tasks) else self._rows[list(tasks)]

    def _views(self, flat: Tensor) -> list[Tensor]:
        return [flat[part].view(p.shape) for p, part in zip(self._dense, self._slices, strict=True)]


def _stack(
    representations: Sequence[tuple[Tensor, ...]], gradients: Sequence[Gradients]
) -> tuple[list[Tensor], list[Tensor]]:
    """The distinct tensors that A tasks read, and for each [A, ...]: each task's gradient by it, 0 where unread."""
    tensors = {id(tensor): tensor for representation in representations for tensor in representation}
    stacked = {key: tensor.new_zeros(len(representations), *tensor.shape) for key, tensor in tensors.items()}
    for at, (representation, parts) in enumerate(zip(representations, gradients, strict=True)):
        for tensor, gradient in zip(representation, parts, strict=True):
            if gradient is not None:
                stacked[id(tensor)][at] += gradient
    return list(tensors.values()), list(stacked.values())
