"""How the losses of one step become one update. One idea a file."""

from typing import Any

from ray_mtlkd.registry import Registry, part_of
from ray_mtlkd.strategies.balancers.base import NEEDS, Balancer
from ray_mtlkd.strategies.balancers.gradnorm import GradNorm
from ray_mtlkd.strategies.balancers.pcgrad import PCGrad
from ray_mtlkd.strategies.balancers.static import StaticWeights
from ray_mtlkd.strategies.balancers.sum_ import Sum
from ray_mtlkd.strategies.balancers.torchjd import TorchJD
from ray_mtlkd.strategies.balancers.uncertainty import Uncertainty

__all__ = ["BALANCERS", "Balancer"]


def _contract(found: Any) -> str | None:
    if hasattr(found, "advance"):
        return "it is a curriculum, which stands under `curriculum`"
    problem = part_of("needs", "init", "weigh")(found)
    if problem is None and found.needs not in NEEDS:
        return f"its `needs` is {found.needs!r}, which is none of {', '.join(NEEDS)}"
    if problem is None and "return" not in getattr(found.init, "__annotations__", {}):
        return "its `init` does not say of what type the state is: a checkpoint is read by that"
    return problem


BALANCERS: Registry[type[Balancer[Any]]] = Registry(
    "balancer",
    group="ray_mtlkd.balancers",
    members={
        "sum": Sum,
        "static": StaticWeights,
        "uncertainty": Uncertainty,
        "gradnorm": GradNorm,
        "pcgrad": PCGrad,
        "torchjd": TorchJD,
    },
    contract=_contract,
)
"""By name. ``torchjd`` is a family: ``torchjd:UPGrad`` is its method ``UPGrad``."""
