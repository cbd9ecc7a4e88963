"""From a tree without domains to a configuration."""

from collections.abc import Mapping
from typing import Any

from ray_mtlkd.decode import decode
from ray_mtlkd.errors import MtlkdError, gather, raise_all
from ray_mtlkd.models.architecture import KEYS, decode_architecture
from ray_mtlkd.strategies import decode_strategy
from ray_mtlkd.training.settings import Configuration, Convergence, Distillation, Optimization, Relabelling

STRATEGY = "strategy"
"""The tree's section that holds the strategy."""

_SECTIONS: Mapping[str, Any] = {
    "training": Optimization,
    "convergence": Convergence,
    "kd": Distillation,
    "relabel": Relabelling,
}


def configuration(
    tree: Mapping[str, Any], where: str = STRATEGY, *, places: Mapping[str, str] | None = None
) -> Configuration:
    """The configuration in a tree without domains.

    Args:
        tree: Its sections.
        where: Where its strategy stands, for errors.
        places: Where sections of its architecture stand, if not at their own names.

    Raises:
        MtlkdError: the only error.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    problems: list[MtlkdError] = []
    parts: dict[str, Any] = {}
    with gather(problems):
        parts["strategy"] = decode_strategy(tree[STRATEGY], where=where, beside=KEYS)
    with gather(problems):
        parts["architecture"] = decode_architecture(tree, places=places)
    for name, kind in _SECTIONS.items():
        with gather(problems):
            parts[name] = decode(kind, tree[name], where=name)
    raise_all(where, problems)
    return Configuration(**parts)
