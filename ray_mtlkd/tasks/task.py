"""What one prediction problem is, apart from its tables."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["binary", "multiclass", "multilabel", "regression", "tagging"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One prediction problem.

    Attributes:
        name: Unique in its setup.
        kind: Fixes loss, distillation loss, head and the metrics that fit.
        metric: Name in the metric registry; chooses teachers, checkpoints and configurations.
        classes: Names of the labels seen in train, in code order. ``binary``: (negative, positive);
            ``tagging``: BIO tags; ``regression``: empty.
        threshold: Probability from which a binary or multilabel label counts as predicted.
        prior: Share of the train labels that are of each class (multiclass, tagging: [K], sums to 1), of rows with each
            label (multilabel: [K]) or positive (binary: [1]), each in (0, 1). Empty where it is not known: all alike.
        center: Regression only: mean of the train labels; the network predicts ``(label - center) / scale``.
        scale: Regression only: standard deviation of the train labels, > 0.
    """

    name: str
    kind: Kind
    metric: str
    classes: tuple[str, ...] = ()
    threshold: float = 0.5
    prior: tuple[float, ...] = ()
    center: float = 0.0
    scale: float = 1.0

    @property
    def outputs(self) -> int:
        """Width of the head: K logits, or 1 for ``binary`` and ``regression``."""
        return 1 if self.kind in {"binary", "regression"} else len(self.classes)
