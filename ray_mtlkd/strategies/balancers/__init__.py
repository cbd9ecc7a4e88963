"""How the losses of one step become one update. One idea a file."""

from typing import Any

from ray_mtlkd.registry import Registry, part_of
from ray_mtlkd.strategies.balancers.aligned_mtl import AlignedMTL
from ray_mtlkd.strategies.balancers.base import NEEDS, Balancer
from ray_mtlkd.strategies.balancers.cagrad import CAGrad
from ray_mtlkd.strategies.balancers.config import ConFIG
from ray_mtlkd.strategies.balancers.db_mtl import DBMTL
from ray_mtlkd.strategies.balancers.dtp import DTP
from ray_mtlkd.strategies.balancers.dual_proj import DualProj
from ray_mtlkd.strategies.balancers.dwa import DWA
from ray_mtlkd.strategies.balancers.facts import DescribedBalancer
from ray_mtlkd.strategies.balancers.fairgrad import FairGrad
from ray_mtlkd.strategies.balancers.famo import FAMO
from ray_mtlkd.strategies.balancers.gls import GeometricLoss
from ray_mtlkd.strategies.balancers.gradnorm import GradNorm
from ray_mtlkd.strategies.balancers.gradvac import GradVac
from ray_mtlkd.strategies.balancers.imtl_g import IMTLG
from ray_mtlkd.strategies.balancers.imtl_l import IMTLL
from ray_mtlkd.strategies.balancers.mgda import MGDA
from ray_mtlkd.strategies.balancers.nash_mtl import NashMTL
from ray_mtlkd.strategies.balancers.normalised import Normalised
from ray_mtlkd.strategies.balancers.observed_sum import ObservedSum
from ray_mtlkd.strategies.balancers.pcgrad import PCGrad
from ray_mtlkd.strategies.balancers.rlw import RLW
from ray_mtlkd.strategies.balancers.scale_invariant import ScaleInvariant
from ray_mtlkd.strategies.balancers.smooth import Smooth
from ray_mtlkd.strategies.balancers.static import StaticWeights
from ray_mtlkd.strategies.balancers.stch import SmoothTchebycheff
from ray_mtlkd.strategies.balancers.sum_ import Sum
from ray_mtlkd.strategies.balancers.torchjd import TorchJD
from ray_mtlkd.strategies.balancers.uncertainty import Uncertainty
from ray_mtlkd.strategies.balancers.upgrad import UPGrad
from ray_mtlkd.strategies.balancers.uw_so import SoftOptimalUncertainty

__all__ = ["BALANCERS", "FAMILIES", "OWN_BALANCERS", "Balancer"]


def _contract(found: Any) -> str | None:
    if hasattr(found, "advance"):
        return "it is a curriculum, which stands under `curriculum`"
    problem = part_of("needs", "init", "weigh")(found)
    if problem is None and found.needs not in NEEDS:
        return f"its `needs` is {found.needs!r}, which is none of {', '.join(NEEDS)}"
    if problem is None and "return" not in getattr(found.init, "__annotations__", {}):
        return "its `init` does not say of what type the state is: a checkpoint is read by that"
    return problem


OWN_BALANCERS: dict[str, type[DescribedBalancer[Any]]] = {
    "sum": Sum,
    "static": StaticWeights,
    "rlw": RLW,
    "scale_invariant": ScaleInvariant,
    "gls": GeometricLoss,
    "uw_so": SoftOptimalUncertainty,
    "stch": SmoothTchebycheff,
    "dwa": DWA,
    "dtp": DTP,
    "famo": FAMO,
    "imtl_l": IMTLL,
    "uncertainty": Uncertainty,
    "gradnorm": GradNorm,
    "observed_sum": ObservedSum,
    "pcgrad": PCGrad,
    "gradvac": GradVac,
    "db_mtl": DBMTL,
    "mgda": MGDA,
    "cagrad": CAGrad,
    "imtl_g": IMTLG,
    "config": ConFIG,
    "aligned_mtl": AlignedMTL,
    "nash_mtl": NashMTL,
    "fairgrad": FairGrad,
    "dual_proj": DualProj,
    "upgrad": UPGrad,
    "normalised": Normalised,
    "smooth": Smooth,
    "torchjd": TorchJD,
}
"""This package's, from losses alone to the Gramian."""

FAMILIES = frozenset({"normalised", "smooth", "torchjd"})
"""Names that stand for many methods each: ``torchjd:UPGrad`` is ``torchjd``'s method ``UPGrad``."""

BALANCERS: Registry[type[Balancer[Any]]] = Registry(
    "balancer", group="ray_mtlkd.balancers", members=OWN_BALANCERS, contract=_contract
)
