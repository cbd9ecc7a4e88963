"""One BIO tag of several a token: a logit for each.

    loss   mean over tokens of cross-entropy   / - sum_k p_k log p_k

with p the shares of the tags on train.
"""

from collections.abc import Sequence

from ray_mtlkd.tasks.kinds import measures, softmax, words
from ray_mtlkd.tasks.kinds.base import ClassRule, Kind, Labels, LabelWords, Offsets
from ray_mtlkd.tasks.kinds.measures import decided
from ray_mtlkd.tasks.task import Task

_SHOWN = 5
"""Names that a message lists."""


def is_bio(tag: str) -> bool:
    """Whether a tag begins a span, goes on with it, or is outside of all."""
    return tag == "O" or tag[:2] in {"B-", "I-"}


def _check(names: Sequence[str]) -> tuple[str, str] | None:
    odd = [name for name in names if not is_bio(name)]
    if not odd:
        return None
    fix = "use BIO tags: O, B-TYPE, I-TYPE (give them as `classes` in the order of the numbers)"
    return f"{', '.join(odd[:_SHOWN])}: no BIO tag", fix


def _describe(task: Task, labels: Labels, _offsets: Offsets) -> LabelWords:
    return words.counted(labels, task.classes, what="tags")


TAGGING = Kind(
    labels="tags",
    dtype="int64",
    classes=ClassRule(check=_check),
    losses={"cross_entropy": softmax.CROSS_ENTROPY},
    metrics={"span_f1": decided(softmax.largest, measures.span_f1)},
    fit=softmax.fit,
    constant=softmax.majority,
    predict=softmax.largest,
    confidence=softmax.probability,
    describe=_describe,
    extent="token",
    is_exclusive=True,
)
