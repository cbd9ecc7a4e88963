"""Losses of several tasks at once; those of one kind and width go through it together, rows end to end.

What is computed, and what it is divided by: `ray_mtlkd.tasks.kinds`.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ray_mtlkd.data.device import on_device
from ray_mtlkd.tasks.kinds import KINDS, Rule, unit
from ray_mtlkd.tasks.task import Kind, Task


def losses(
    tasks: Sequence[Task],
    outputs: Sequence[Tensor],
    labels: Sequence[Tensor],
    *,
    smoothing: float = 0.0,
    weights: Sequence[float] | None = None,
) -> Tensor:
    """Mean loss of each task's batch on its hard labels [A]: about 1 for a predictor that ignores the inputs.

    Args:
        tasks: Fix the losses [A].
        outputs: Raw outputs of each: [B] (binary, regression), [B, K], or [tokens, K] (tagging).
        labels: Of train: [B] float32 (regression: in the label's own unit), [B] int64, [B, K] float32, [tokens] int64.
        smoothing: Share of the target that goes evenly to all classes, or to both answers; not for regression.
        weights: A factor on each [A].
    """

    def by_row(rule: Rule, found: Tensor, wanted: Tensor) -> Tensor:
        return rule.loss(found, wanted, smoothing)

    wanted = [KINDS[task.kind].scale(task, known) for task, known in zip(tasks, labels, strict=True)]
    return _normalised(tasks, _means(tasks, outputs, wanted, by_row), weights)


def distillations(
    tasks: Sequence[Task],
    outputs: Sequence[Tensor],
    soft: Sequence[Tensor],
    *,
    temperature: float,
    weights: Sequence[float] | None = None,
) -> Tensor:
    """Mean loss of each task's batch on its soft labels [A]; least where the outputs equal the teacher's.

    Args:
        tasks: Fix the losses [A].
        outputs: The student's raw outputs of each.
        soft: The teacher's raw outputs on the same rows: same shapes, float32.
        temperature: τ > 0; plays no role for regression.
        weights: A factor on each [A].
    """

    def by_row(rule: Rule, found: Tensor, taught: Tensor) -> Tensor:
        return rule.distill(found, taught, temperature)

    return _normalised(tasks, _means(tasks, outputs, soft, by_row), weights)


def _means(
    tasks: Sequence[Task],
    outputs: Sequence[Tensor],
    targets: Sequence[Tensor],
    by_row: Callable[[Rule, Tensor, Tensor], Tensor],
) -> Tensor:
    """Mean over rows of each task's loss [A]; tasks of one kind and width go through it together."""
    if len(tasks) == 1:
        return by_row(KINDS[tasks[0].kind], outputs[0], targets[0]).mean(0, keepdim=True)
    alike: dict[tuple[Kind, torch.Size], list[int]] = defaultdict(list)
    for at, (task, found) in enumerate(zip(tasks, outputs, strict=True)):
        alike[task.kind, found.shape[1:]].append(at)
    means = []
    for (kind, _), places in alike.items():
        rows = by_row(KINDS[kind], _end_to_end(outputs, places), _end_to_end(targets, places))
        sizes = [len(outputs[at]) for at in places]
        same = len(set(sizes)) == 1
        means.append(
            rows.view(len(places), -1).mean(1)
            if same
            else torch.stack([part.mean() for part in torch.split(rows, sizes)])
        )
    if len(means) == 1:
        return means[0]
    order = [at for places in alike.values() for at in places]
    return torch.stack([mean for _, mean in sorted(zip(order, torch.cat(means), strict=True), key=lambda of: of[0])])


def _end_to_end(tensors: Sequence[Tensor], places: Sequence[int]) -> Tensor:
    return tensors[places[0]] if len(places) == 1 else torch.cat([tensors[at] for at in places])


def _normalised(tasks: Sequence[Task], means: Tensor, weights: Sequence[float] | None) -> Tensor:
    factors = [weight / unit(task) for task, weight in zip(tasks, weights or (1.0,) * len(tasks), strict=True)]
    return means * (factors[0] if len(factors) == 1 else on_device(factors, means))
