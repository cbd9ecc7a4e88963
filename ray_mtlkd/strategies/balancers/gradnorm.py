"""GradNorm: task weights that even out the norms of gradients."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le

from ray_mtlkd.decode import document
from ray_mtlkd.ranges import Rate
from ray_mtlkd.strategies.balancers.adam import AdamState, descend
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts

_LEAST_WEIGHT = 1e-3
"""Adam's steps have a fixed size and would otherwise carry a small weight below 0, where the loss is maximised."""
_LEAST_LOSS = 1e-8
"""A task that starts with a loss of 0 has no L_i(0) to divide by."""


@dataclass(frozen=True, kw_only=True)
class GradNormState:
    """Weights, all T of which sum to T; L_i(0), None before it is known; Adam's moments (unused by SGD). All [T]."""

    weights: tuple[float, ...]
    initial: tuple[float | None, ...]
    moments: tuple[AdamState, ...]


@document
class GradNorm:
    """Let all tasks train at similar rates, by evening out their gradients' norms.

    Chen, Badrinarayanan, Lee and Rabinovich, "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep
    Multitask Networks", ICML 2018, arXiv:1711.02257. With W the last shared layer, w_i the weight of task i and E the
    mean over the active tasks (sections 3.1 and 3.2)::

        G_i     = || grad_W w_i L_i ||  =  w_i || grad_W L_i ||
        r_i     = (L_i / L_i(0)) / E[L / L(0)]                      relative inverse training rate
        L_grad  = sum_i | G_i - E[G] r_i^alpha |                    (eq. 2), the target E[G] r_i^alpha a constant

    Only w descends L_grad (Algorithm 1): dL_grad/dw_i = sign(G_i - target_i) || grad_W L_i ||. It is then
    renormalised. The network sees the weights of the state before the update.

    Where this goes beyond the paper, whose tasks all train all the time on the same targets:

    - the weights of the A active tasks are scaled to sum A for the step, while the state keeps the share that these
      tasks have of all T together. A task that waits or has stopped therefore keeps its weight relative to the others;
    - a task that distils keeps its share too, and is in no mean: E is over the tasks that learn from labels. Its
      gradient vanishes as it equals its teacher, and to even that out would give it all the weight;
    - L_i(0) is the loss at the first step at which the task learns from labels.

    A task whose gradient is three times as large is weighed down, the other up:

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> balancer = GradNorm(alpha=0.0, lr=0.1)
    >>> step = Signals(tasks=(0, 1), losses=(1.0, 1.0), regression=(False, False), norms=(3.0, 1.0))
    >>> weights, state = balancer.weigh(step, balancer.init(2))
    >>> weights.shared, [round(weight, 3) for weight in state.weights]
    ((1.0, 1.0), [0.9, 1.1])

    Attributes:
        alpha: Strength of the pull towards equal rates; 0 evens out the norms whatever the rates.
        lr: Learning rate of the weights.
        optimizer: What the weights descend L_grad with.
    """

    name: ClassVar[str] = "gradnorm"
    needs: ClassVar[Needs] = "norms"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Chen et al. 2018, arXiv:1711.02257", equation="eq. 2 and Algorithm 1", guarantees=("no negative weight",)
    )

    alpha: Annotated[float, Ge(0), Le(10)] = 1.5
    lr: Rate = 0.025
    optimizer: Literal["adam", "sgd"] = "adam"

    def init(self, num_tasks: int) -> GradNormState:
        """Every task weighs 1."""
        return GradNormState(
            weights=(1.0,) * num_tasks,
            initial=(None,) * num_tasks,
            moments=(AdamState(),) * num_tasks,
        )

    def weigh(self, signals: Signals, state: GradNormState) -> tuple[Weights, GradNormState]:
        """The present weights, scaled to sum to the number of active tasks, and these one descent step further."""
        share = sum(state.weights[task] for task in signals.tasks) / len(signals.tasks)
        present = [state.weights[task] / share for task in signals.tasks]
        learning = [at for at, task in enumerate(signals.tasks) if task not in signals.distilling]
        after = self._descended(signals, learning, present, state) if learning else state
        return Weights(shared=tuple(present), heads=tuple(present)), after

    def _descended(
        self, signals: Signals, learning: list[int], present: list[float], state: GradNormState
    ) -> GradNormState:
        """The state one step further, in which the tasks at these places keep the share that they have together."""
        tasks = [signals.tasks[at] for at in learning]
        losses, norms, weights = (
            [values[at] for at in learning] for values in (signals.losses, signals.norms, present)
        )
        initial = _initial_losses(tasks, losses, state.initial)
        ratios = [_ratio(loss, initial[task]) for task, loss in zip(tasks, losses, strict=True)]
        targets = _targets(ratios, norms=norms, weights=weights, alpha=self.alpha)
        next_weights, moments = [], list(state.moments)
        for task, weight, norm, target in zip(tasks, weights, norms, targets, strict=True):
            gradient = norm * _sign(weight * norm - target)
            if self.optimizer == "adam":
                moved, moments[task] = descend(weight, gradient=gradient, moments=state.moments[task], lr=self.lr)
            else:
                moved = weight - self.lr * gradient
            next_weights.append(max(moved, _LEAST_WEIGHT))
        scale = sum(state.weights[task] for task in tasks) / sum(next_weights)
        all_weights = list(state.weights)
        for task, weight in zip(tasks, next_weights, strict=True):
            all_weights[task] = weight * scale
        return GradNormState(weights=tuple(all_weights), initial=initial, moments=tuple(moments))


def _initial_losses(tasks: list[int], losses: list[float], known: tuple[float | None, ...]) -> tuple[float | None, ...]:
    """L_i(0) [T]: taken from this step where it is not known."""
    initial = list(known)
    for task, loss in zip(tasks, losses, strict=True):
        if initial[task] is None and loss > _LEAST_LOSS:
            initial[task] = loss
    return tuple(initial)


def _ratio(loss: float, first: float | None) -> float:
    """L_i / L_i(0); a task without an L_i(0) has not moved yet: its ratio is 1."""
    return 1.0 if first is None else loss / first


def _targets(ratios: list[float], *, norms: list[float], weights: list[float], alpha: float) -> list[float]:
    """E[G] r_i^alpha of the tasks that learn from labels."""
    mean_ratio = sum(ratios) / len(ratios)
    mean_norm = sum(weight * norm for weight, norm in zip(weights, norms, strict=True)) / len(weights)
    rates = [ratio / mean_ratio if mean_ratio > 0 else 1.0 for ratio in ratios]
    return [mean_norm * rate**alpha for rate in rates]


def _sign(value: float) -> float:
    return float((value > 0) - (value < 0))
