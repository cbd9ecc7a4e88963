"""One class of several a row: a logit for each.

    loss   mean over rows of cross-entropy   / - sum_k p_k log p_k

with p the shares of the classes on train.
"""

from ray_mtlkd.tasks.kinds import measures, softmax, words
from ray_mtlkd.tasks.kinds.base import ClassRule, Kind, Labels, LabelWords, Offsets
from ray_mtlkd.tasks.kinds.measures import decided
from ray_mtlkd.tasks.task import Task


def _describe(task: Task, labels: Labels, _offsets: Offsets) -> LabelWords:
    return words.counted(labels, task.classes, what="classes")


MULTICLASS = Kind(
    labels="class",
    dtype="int64",
    classes=ClassRule(),
    losses={"cross_entropy": softmax.CROSS_ENTROPY},
    metrics={
        "accuracy": decided(softmax.largest, measures.accuracy),
        "macro_f1": decided(softmax.largest, measures.macro_f1_of_classes),
        "micro_f1": decided(softmax.largest, measures.micro_f1),
    },
    fit=softmax.fit,
    constant=softmax.majority,
    predict=softmax.largest,
    confidence=softmax.probability,
    describe=_describe,
    is_exclusive=True,
)
