"""What one prediction problem is, apart from its tables."""

from dataclasses import dataclass
from typing import Literal

from ray_mtlkd.imports import Later

# It imports PyTorch; and a kind is made of functions of tasks.
_kinds = Later("ray_mtlkd.tasks.kinds")


@dataclass(frozen=True, kw_only=True)
class Task:
    """One prediction problem.

    Attributes:
        name: Unique in its setup.
        kind: Name in the kind registry: fixes losses, head and the metrics that fit.
        metric: Name in the metric registry; chooses teachers, checkpoints and configurations.
        loss: Which of its kind's losses; empty for the first.
        classes: Names of the labels seen in train, in code order. ``binary``: (negative, positive);
            ``tagging``: BIO tags; empty where labels are numbers.
        answers: What predictions of a class are: its name, or the whole number or truth value that labels were.
        threshold: Probability from which a label counts as predicted, of kinds that have one.
        prior: Share of the train labels that are of each class (multiclass, tagging: [K], sums to 1), of rows with each
            label (multilabel: [K]) or positive (binary: [1]), each in (0, 1). Empty where it is not known: all alike.
        center: Regression only: mean of the train labels; the network predicts ``(label - center) / scale``.
        scale: Regression only: standard deviation of the train labels, > 0.
        group: Ranking only: the column that names the query.
        constant_loss: Ranking only: what constant scores lose on train, > 0.
        weight: Share of a mean over tasks, beside the others'; 0 where it does not count.
    """

    name: str
    kind: str
    metric: str
    loss: str = ""
    classes: tuple[str, ...] = ()
    answers: Literal["names", "numbers", "booleans"] = "names"
    threshold: float = 0.5
    prior: tuple[float, ...] = ()
    center: float = 0.0
    scale: float = 1.0
    group: str = ""
    constant_loss: float = 1.0
    weight: float = 1.0

    @property
    def outputs(self) -> int:
        """Width of the head: a logit a class, or 1 where there is one output a row."""
        return 1 if _kinds.kind_of(self).is_scalar else len(self.classes)
