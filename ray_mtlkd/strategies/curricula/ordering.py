"""In which order a curriculum takes up its tasks."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.strategies.curricula.base import TaskFacts

Order = Literal["by_size", "by_difficulty"] | tuple[str, ...]
"""``by_size``: largest train table first. The encoder is shaped by the task that holds most of the data, and small
tasks, which overfit first, join an encoder that is already trained. ``by_difficulty``: easiest first. Or every task's
name, once. Ties keep the setup's order."""


def arrange(order: Order, facts: Sequence[TaskFacts]) -> tuple[int, ...]:
    """Task indices in order [T].

    Raises:
        MtlkdError: where a list of names does not name every task once.
    """
    tasks = range(len(facts))
    if order == "by_size":
        return tuple(sorted(tasks, key=lambda task: -facts[task].rows))
    if order == "by_difficulty":
        return tuple(sorted(tasks, key=lambda task: facts[task].difficulty))
    return _by_name(order, [fact.name for fact in facts])


def _by_name(order: Sequence[str], names: Sequence[str]) -> tuple[int, ...]:
    missing = [name for name in names if name not in order]
    extra = [name for name in dict.fromkeys(order) if name not in names]
    repeated = [name for name, count in Counter(order).items() if count > 1]
    wrong = [
        f"{said} {', '.join(found)}"
        for said, found in (("lacks", missing), ("names unknown tasks", extra), ("repeats", repeated))
        if found
    ]
    if wrong:
        raise MtlkdError(
            "the order " + " and ".join(wrong),
            where="curriculum.order",
            fix="name every task once: " + ", ".join(names),
        )
    return tuple(names.index(name) for name in order)
