"""Losses of several tasks at once; those of one kind and width go through it together, rows end to end.

What is computed, and what it is divided by: `ray_mtlkd.tasks.kinds`.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ray_mtlkd.data.device import on_device
from ray_mtlkd.tasks.kinds import LossRule, kind_of, loss_of, unit
from ray_mtlkd.tasks.task import Task

Groups = Tensor | None
"""Where the rows of each group begin, and the last ones end [G+1], on the host; None where rows have no groups."""

Counts = Tensor | None
"""What each row or token counts [N], 1 on average over train; None where all count alike."""


def losses(
    tasks: Sequence[Task],
    outputs: Sequence[Tensor],
    labels: Sequence[Tensor],
    *,
    groups: Sequence[Groups] | None = None,
    counts: Sequence[Counts] | None = None,
    smoothing: float = 0.0,
    weights: Sequence[float] | None = None,
) -> Tensor:
    """Mean loss of each task's batch on its hard labels [A]: about 1 for a predictor that ignores the inputs.

    Args:
        tasks: Fix the losses [A].
        outputs: Raw outputs of each: [B] (one a row), [B, K], or [tokens, K] (tagging).
        labels: Of train: [B] float32 (numbers in the label's own unit), [B] int64, [B, K] float32, [tokens] int64.
        groups: Of the tasks whose rows belong to groups [A].
        counts: What each row or token counts [A].
        smoothing: Share of the target that goes evenly to all classes, or to both answers; not for numbers.
        weights: A factor on each [A].
    """

    def by_unit(rule: LossRule, found: Tensor, wanted: Tensor, of: Groups) -> Tensor:
        return rule.hard(found, wanted, smoothing, of)

    wanted = [kind_of(task).scale(task, known) for task, known in zip(tasks, labels, strict=True)]
    nothing = (None,) * len(tasks)
    means = _means(tasks, outputs, wanted, groups=groups or nothing, counts=counts or nothing, by_unit=by_unit)
    return _normalised(tasks, means, weights)


def distillations(
    tasks: Sequence[Task],
    outputs: Sequence[Tensor],
    soft: Sequence[Tensor],
    *,
    temperature: float,
    groups: Sequence[Groups] | None = None,
    counts: Sequence[Counts] | None = None,
    weights: Sequence[float] | None = None,
) -> Tensor:
    """Mean loss of each task's batch on its soft labels [A]; 0 where the outputs equal the teacher's.

    Args:
        tasks: Fix the losses [A].
        outputs: The student's raw outputs of each.
        soft: The teacher's raw outputs on the same rows: same shapes, float32.
        temperature: τ > 0; plays no role for regression.
        groups: Of the tasks whose rows belong to groups [A].
        counts: What each row or token counts [A].
        weights: A factor on each [A].
    """

    def by_unit(rule: LossRule, found: Tensor, taught: Tensor, of: Groups) -> Tensor:
        return rule.soft(found, taught, temperature, of)

    nothing = (None,) * len(tasks)
    means = _means(tasks, outputs, soft, groups=groups or nothing, counts=counts or nothing, by_unit=by_unit)
    return _normalised(tasks, means, weights)


def _means(
    tasks: Sequence[Task],
    outputs: Sequence[Tensor],
    targets: Sequence[Tensor],
    *,
    groups: Sequence[Groups],
    counts: Sequence[Counts],
    by_unit: Callable[[LossRule, Tensor, Tensor, Groups], Tensor],
) -> Tensor:
    """Mean over rows, tokens or groups of each task's loss [A]; tasks of one loss and width go through it together."""
    if len(tasks) == 1:
        units = by_unit(loss_of(tasks[0]), outputs[0], targets[0], groups[0])
        return (units if counts[0] is None else units * counts[0]).mean(0, keepdim=True)
    alike: dict[tuple[str, str, torch.Size], list[int]] = defaultdict(list)
    for at, (task, found) in enumerate(zip(tasks, outputs, strict=True)):
        alike[task.kind, task.loss, found.shape[1:]].append(at)
    means = []
    for places in alike.values():
        found, wanted = _end_to_end(outputs, places), _end_to_end(targets, places)
        of, sizes = _joined(groups, places), [_units(outputs[at], groups[at]) for at in places]
        units = _counted(by_unit(loss_of(tasks[places[0]]), found, wanted, of), [counts[at] for at in places], sizes)
        same = len(set(sizes)) == 1
        means.append(
            units.view(len(places), -1).mean(1)
            if same
            else torch.stack([part.mean() for part in torch.split(units, sizes)])
        )
    if len(means) == 1:
        return means[0]
    order = [at for places in alike.values() for at in places]
    return torch.stack([mean for _, mean in sorted(zip(order, torch.cat(means), strict=True), key=lambda of: of[0])])


def _counted(units: Tensor, counts: Sequence[Counts], sizes: Sequence[int]) -> Tensor:
    """Losses of some tasks, end to end, times what each of them counts."""
    if all(each is None for each in counts):
        return units
    known = [units.new_ones(size) if each is None else each for each, size in zip(counts, sizes, strict=True)]
    return units * torch.cat(known)


def _end_to_end(tensors: Sequence[Tensor], places: Sequence[int]) -> Tensor:
    return tensors[places[0]] if len(places) == 1 else torch.cat([tensors[at] for at in places])


def _joined(groups: Sequence[Groups], places: Sequence[int]) -> Groups:
    """The groups of some tasks of one kind whose rows lie end to end."""
    joined = groups[places[0]]
    if joined is None:
        return None
    for of in (groups[at] for at in places[1:]):
        assert of is not None  # noqa: S101 - all tasks of a kind have groups, or none
        joined = torch.cat([joined, of[1:] + joined[-1]])
    return joined


def _units(outputs: Tensor, groups: Groups) -> int:
    """How many losses there are of a task's outputs."""
    return len(outputs) if groups is None else len(groups) - 1


def _normalised(tasks: Sequence[Task], means: Tensor, weights: Sequence[float] | None) -> Tensor:
    factors = [weight / unit(task) for task, weight in zip(tasks, weights or (1.0,) * len(tasks), strict=True)]
    return means * (factors[0] if len(factors) == 1 else on_device(factors, means))
