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
"""A student that starts at its teacher's parameters has a squared error of 0: no L_i(0) to divide by."""


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
    - L_i(0) is the loss at the task's first step, and again at the first step after its targets were replaced.

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
        initial = _initial_losses(signals, state.initial)
        share = sum(state.weights[task] for task in signals.tasks) / len(signals.tasks)
        present = [state.weights[task] / share for task in signals.tasks]
        targets = _targets(signals, weights=present, initial=initial, alpha=self.alpha)

        next_weights, next_moments = [], list(state.moments)
        for task, weight, norm, target in zip(signals.tasks, present, signals.norms, targets, strict=True):
            gradient = norm * _sign(weight * norm - target)
            if self.optimizer == "adam":
                moved, next_moments[task] = descend(weight, gradient=gradient, moments=state.moments[task], lr=self.lr)
            else:
                moved = weight - self.lr * gradient
            next_weights.append(max(moved, _LEAST_WEIGHT))

        scale = share * len(next_weights) / sum(next_weights)
        all_weights = list(state.weights)
        for task, weight in zip(signals.tasks, next_weights, strict=True):
            all_weights[task] = weight * scale
        return (
            Weights(shared=tuple(present), heads=tuple(present)),
            GradNormState(weights=tuple(all_weights), initial=initial, moments=tuple(next_moments)),
        )


def _initial_losses(signals: Signals, known: tuple[float | None, ...]) -> tuple[float | None, ...]:
    """L_i(0) [T]: forgotten where targets were replaced, and taken from this step where it is not known."""
    initial = [None if task in signals.switched else loss for task, loss in enumerate(known)]
    for task, loss in zip(signals.tasks, signals.losses, strict=True):
        if initial[task] is None and loss > _LEAST_LOSS:
            initial[task] = loss
    return tuple(initial)


def _targets(signals: Signals, *, weights: list[float], initial: tuple[float | None, ...], alpha: float) -> list[float]:
    """E[G] r_i^alpha [A]; a task without an L_i(0) has not moved yet: its ratio is 1."""
    ratios = []
    for task, loss in zip(signals.tasks, signals.losses, strict=True):
        first = initial[task]
        ratios.append(1.0 if first is None else loss / first)
    mean_ratio = sum(ratios) / len(ratios)
    mean_norm = sum(weight * norm for weight, norm in zip(weights, signals.norms, strict=True)) / len(weights)
    rates = [ratio / mean_ratio if mean_ratio > 0 else 1.0 for ratio in ratios]
    return [mean_norm * rate**alpha for rate in rates]


def _sign(value: float) -> float:
    return float((value > 0) - (value < 0))
