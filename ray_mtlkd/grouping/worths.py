"""What a group of tasks would be worth as one model: from groups that were trained, or from how gradients agree."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from ray_mtlkd.grouping.splits import Places

Worth = Callable[[Places], float]
Measured = Mapping[tuple[Places, int], float]
"""By group and task, what the task reached in the model of the group, in points of the setup's mean skill."""


def higher_order(measured: Measured) -> Worth:
    """What was measured, where the group was trained; else the mean over its pairs.

    Standley et al. 2020 (arXiv:1905.07553), higher-order approximation: a task in a group reaches the mean of what it
    reaches in a pair with each of the others.

    Args:
        measured: Of all pairs and of single tasks at least.
    """

    def reached(group: Places, task: int) -> float:
        if (group, task) in measured:
            return measured[group, task]
        pairs = (tuple(sorted((task, other))) for other in group if other != task)
        return fmean(measured[pair, task] for pair in pairs)

    return lambda group: sum(reached(group, task) for task in group)


def by_affinity(affinities: Sequence[Sequence[float]], weights: Sequence[float]) -> Worth:
    """The mean over the others of a group of what each does to a task, summed over its tasks.

    Fifty et al. 2021 (arXiv:2109.04617), network selection, for groups that share no task. A task alone is neither
    helped nor harmed: 0.

    Args:
        affinities: Row i says what a step for task i takes off each task's loss [T][T].
        weights: Of the tasks in a mean [T].
    """

    def helped(group: Places, task: int) -> float:
        others = [affinities[other][task] for other in group if other != task]
        return weights[task] * fmean(others) if others else 0.0

    return lambda group: sum(helped(group, task) for task in group)


def means(found: Sequence[tuple[Places, int, float]]) -> Measured:
    """The mean over trials of what a task reached in a group."""
    values: dict[tuple[Places, int], list[float]] = defaultdict(list)
    for group, task, reached in found:
        values[group, task].append(reached)
    return {key: fmean(reached) for key, reached in values.items()}
