"""FAMO: losses that fall at one rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.ranges import Rate, UnitInterval
from ray_mtlkd.strategies.balancers.adam import AdamState, learn
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.label_losses import LabelLosses, no_losses, read_losses
from ray_mtlkd.strategies.balancers.softmax import softmax


@dataclass(frozen=True, kw_only=True)
class FAMOState:
    """Logits [T], Adam's moments of each [T], and the last losses on labels [T]."""

    logits: tuple[float, ...]
    moments: tuple[AdamState, ...]
    losses: LabelLosses


@document
class FAMO:
    """Learn weights under which the losses of all tasks fall at one relative rate.

    Liu, Feng, Stone and Liu, "FAMO: Fast Adaptive Multitask Optimization", NeurIPS 2023, arXiv:2306.03792, Algorithm 1.
    With logits xi and z = softmax(xi)::

        w_i  =  c z_i / L_i           c = 1 / sum_j (z_j / L_j)           (here times A)
        xi   <-  Adam on  J^T d + decay xi        d_i = log L_i - log L_i',        J = diag(z) - z z^T

    so that a task whose loss has fallen more than the others' is weighed down.

    L_i' is where this differs: in the paper the loss of the *same* batch after the step, which is another forward pass;
    here that of the task's *next* batch, which costs nothing. Its expectation is the same, as the batch before is as
    random as the one after, but the noise between two batches enters, and Adam averages over it. Logits so move one
    step later, before the next weights are taken. Only tasks that had a loss on labels before and have one now move; a
    task that distils keeps its logit and the loss that it had.

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> balancer = FAMO(lr=0.1, decay=0.0)
    >>> state = balancer.init(2)
    >>> for losses in ((1.0, 1.0), (0.5, 1.0)):
    ...     step = Signals(tasks=(0, 1), losses=losses, regression=(False, False))
    ...     weights, state = balancer.weigh(step, state)
    >>> [round(logit, 3) for logit in state.logits], [round(weight, 3) for weight in weights.shared]
    ([-0.1, 0.1], [1.242, 0.758])

    Attributes:
        lr: Adam's learning rate of the logits.
        decay: Of the logits, towards equal weights.
    """

    name: ClassVar[str] = "famo"
    needs: ClassVar[Needs] = "losses"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Liu et al. 2023, arXiv:2306.03792",
        equation="Algorithm 1, on the next batch's losses",
        guarantees=("no negative weight", "scale-free"),
    )

    lr: Rate = 0.025
    decay: UnitInterval = 1e-3

    def init(self, num_tasks: int) -> FAMOState:
        """All logits are 0."""
        return FAMOState(logits=(0.0,) * num_tasks, moments=(AdamState(),) * num_tasks, losses=no_losses(num_tasks))

    def weigh(self, signals: Signals, state: FAMOState) -> tuple[Weights, FAMOState]:
        """The weights after what this step's losses say of the step before, scaled to sum to A."""
        losses, known = read_losses(signals, state.losses)
        fallen = _fallen(signals, before=state.losses, after=known)
        slopes = _gradients([state.logits[task] for task in fallen], list(fallen.values()))
        gradients = {task: slope + self.decay * state.logits[task] for task, slope in zip(fallen, slopes, strict=True)}
        logits, moments = learn(state.logits, state.moments, gradients, lr=self.lr)
        weights = softmax([logits[task] - math.log(loss) for task, loss in zip(signals.tasks, losses, strict=True)])
        after = FAMOState(logits=logits, moments=moments, losses=known)
        return Weights(shared=weights, heads=weights), after


def _fallen(signals: Signals, *, before: LabelLosses, after: LabelLosses) -> dict[int, float]:
    """By how much the logarithm of each loss has fallen, of the tasks that learn from labels and did before."""
    fallen = {}
    for task in signals.tasks:
        earlier, now = before.last[task], after.last[task]
        if task not in signals.distilling and earlier is not None and now is not None:
            fallen[task] = math.log(earlier) - math.log(now)
    return fallen


def _gradients(logits: Sequence[float], fallen: Sequence[float]) -> list[float]:
    """J^T d of these tasks, J the derivative of the softmax of their logits."""
    if not logits:
        return []
    shares = [weight / len(logits) for weight in softmax(logits)]
    mean = sum(share * fall for share, fall in zip(shares, fallen, strict=True))
    return [share * (fall - mean) for share, fall in zip(shares, fallen, strict=True)]
