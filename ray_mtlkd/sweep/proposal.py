"""A first search space for a setup, as large as this machine sweeps in a given time."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ray_mtlkd.console.live import duration
from ray_mtlkd.setups.proposal import Proposal, plain
from ray_mtlkd.sweep.cost import estimate
from ray_mtlkd.sweep.plan import Plan
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.space import parse_space

_BATCH = 64
_EPOCHS = 10
_STEPS = (200, 6000)
"""As few and as many as a first sweep has."""
_EVALUATIONS = 25
_ENCODERS: Mapping[str, tuple[str, str]] = {
    "mlp": ("{name: mlp, hidden: [128, 128], dropout: {choice: [0, 0.2]}}", "{loguniform: [1e-3, 1e-2]}"),
    "bag": ("{name: bag, dropout: {choice: [0.3, 0.5]}}", "{loguniform: [1e-3, 5e-3]}"),
    "cnn": ("{name: cnn, dropout: {choice: [0.1, 0.3]}}", "{loguniform: [2e-3, 6e-3]}"),
}
"""Settings and learning rates."""
_COLUMNS = "{name: mlp, hidden: [64, 64]}"
"""Beside texts."""
_STRATEGIES = (
    "sum",
    "gradnorm",
    "joint_kd",
    "{name: sequential_kd, curriculum: {order: by_size}}",
    "stop",
    "single_task",
)
_ALONE = ("sum", "joint_kd")
"""Of one task: nothing is shared, so that others do the same as these."""
_SIZES = ((8, 6), (4, 5), (2, 5), (2, 3), (1, 3))
"""Configurations and seeds, the largest sweep first."""


@dataclass(frozen=True, kw_only=True)
class SpaceProposal:
    """A search space as YAML, and what it takes.

    Attributes:
        minutes: About so many, on all cores of this machine.
        said: These in words.
    """

    text: str
    trials: int
    minutes: float
    said: str


def propose_space(proposal: Proposal, manifest: str, *, beside: Path, minutes: float) -> SpaceProposal:
    """The largest of some sweeps of all cores that ends in about so many minutes; the smallest, where none does.

    Args:
        manifest: The manifest's file, as seen from the search space.
        beside: Where the search space will lie; the manifest is there already.

    Raises:
        MtlkdError: where such a sweep cannot run; ExceptionGroup where there are several reasons.
    """
    cores = os.cpu_count() or 1
    least = parse_space(_text(proposal, manifest, *_SIZES[-1], said=""), beside)
    cost = estimate(prepare(least, data_dir=None, compute=False))
    per_trial_s = cost.cpu_s / cost.trials
    tasks = {proposal.name: len(proposal.tasks)}
    size, trials = _SIZES[-1], cost.trials
    for each in _SIZES:
        plan = Plan(parse_space(_text(proposal, manifest, *each, said=""), beside), tasks)
        if plan.size * per_trial_s <= 60 * minutes * cores:
            size, trials = each, plan.size
            break
    taken = trials * per_trial_s / cores / 60
    said = f"{trials} trials: about {duration(60 * taken)} of training on {cores} core{'s' * (cores > 1)}"
    return SpaceProposal(text=_text(proposal, manifest, *size, said=said), trials=trials, minutes=taken, said=said)


def _text(proposal: Proposal, manifest: str, configurations: int, seeds: int, *, said: str) -> str:
    encoder, rate = _ENCODERS[proposal.encoder]
    if proposal.has_columns_beside:
        encoder = f"{{name: mixed, text: {encoder}, columns: {_COLUMNS}}}"
    steps = min(max(math.ceil(_EPOCHS * proposal.rows / _BATCH / 50) * 50, _STEPS[0]), _STEPS[1])
    every = max(10, steps // _EVALUATIONS)
    epochs = steps * _BATCH / proposal.rows
    lines = [
        f"# A first sweep, {said}. `ray-mtlkd check` says what it would take on another machine.",
        f"name: {plain(proposal.name)}",
        f"setups: [{plain(manifest)}]",
        f"encoder: {encoder}",
        "training:",
        f"  steps: {steps}                 # the largest table is seen {epochs:.0f} times or more",
        f"  batch_size: {_BATCH}",
        *([] if proposal.shares_rows else ["  sampling: 2                 # larger tables have larger batches"]),
        f"  eval_every: {every}",
        f"  lr: {rate}",
        "kd: {temperature: {choice: [1, 2]}}",
        "strategies:",
        *(f"  - {strategy}" for strategy in (_ALONE if len(proposal.tasks) == 1 else _STRATEGIES)),
        f"search: {{configurations: {configurations}}}",
        f"replicate: {{seeds: [{', '.join(str(seed) for seed in range(1, seeds + 1))}]}}",
    ]
    return "\n".join([*lines, ""])
