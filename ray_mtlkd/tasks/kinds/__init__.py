"""The list of kinds, and what a kind fixes for a task: losses, predictions, and what rooms must know of its labels.

Losses of different kinds come in different sizes: log 2 for a coin, log 150 for 150 classes, 0.2 for a rare label. So
that their plain sum is a fair baseline, every loss is divided by what the best constant predictor loses on the train
table, and heads start as that predictor: every task starts at about 1 (knows how often each label occurs, nothing of
the inputs) and ends at 0. For class labels that is the normalised cross-entropy of He et al. 2014 ("Practical lessons
from predicting clicks on ads at Facebook", section 2.1). Each kind's formulas stand in its file.

A teacher's outputs are recalled at a temperature τ (Hinton et al. 2015, arXiv:1503.02531, section 2): with z the
student's and v the teacher's logits, ``τ² · KL(softmax(v / τ) || softmax(z / τ))``, divided likewise; the factor τ²
keeps the gradient's size when τ changes. The divergence has the gradient of the soft cross-entropy and is 0 where the
student equals its teacher (`divergence.py`).
"""

import functools

from ray_mtlkd.registry import Registry
from ray_mtlkd.tasks.kinds.base import Kind, LabelForm, LossRule, contract
from ray_mtlkd.tasks.kinds.binary import BINARY
from ray_mtlkd.tasks.kinds.multiclass import MULTICLASS
from ray_mtlkd.tasks.kinds.multilabel import MULTILABEL
from ray_mtlkd.tasks.kinds.ranking import RANKING
from ray_mtlkd.tasks.kinds.regression import REGRESSION
from ray_mtlkd.tasks.kinds.tagging import TAGGING
from ray_mtlkd.tasks.task import Task

__all__ = ["KINDS", "Kind", "LabelForm", "LossRule", "kind_named", "kind_of", "loss_of", "start", "unit"]

KINDS: Registry[Kind] = Registry(
    "kind",
    group="ray_mtlkd.kinds",
    members={
        "binary": BINARY,
        "multiclass": MULTICLASS,
        "multilabel": MULTILABEL,
        "ranking": RANKING,
        "regression": REGRESSION,
        "tagging": TAGGING,
    },
    contract=contract,
)
"""Every kind by name."""


@functools.cache
def kind_named(name: str) -> Kind:
    """The kind of this name.

    Raises:
        MtlkdError: where there is none.
    """
    return KINDS.find(name, where="kind")


def kind_of(task: Task) -> Kind:
    """The task's kind."""
    return kind_named(task.kind)


def loss_of(task: Task) -> LossRule:
    """The task's loss: the one that it names, else the first of its kind."""
    losses = kind_of(task).losses
    return losses[task.loss] if task.loss else next(iter(losses.values()))


@functools.cache
def unit(task: Task) -> float:
    """What the best constant predictor loses on train, in nats or squared standard deviations: above 0."""
    return loss_of(task).start(task)[1]


def start(task: Task) -> tuple[float, ...]:
    """Raw outputs of the best constant predictor on train, where a head starts: [K], or [1] for one output a row."""
    return loss_of(task).start(task)[0]
