"""Every contender by name: how it is made, and what a reader must know of how it was run."""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from torch import Tensor

from benchmarks.step.bare import Bare
from benchmarks.step.ours import SteppedLoop
from benchmarks.step.problem import Problem


class Contender(Protocol):
    """A model in training."""

    def step(self, at: int) -> None:
        """Learn from the problem's draws of step ``at``; steps are taken in order."""

    def parameters(self) -> list[Tensor]:
        """The model's, in the order of the problem's own model."""


@dataclass(frozen=True, kw_only=True)
class ContenderEntry:
    """A contender.

    Attributes:
        make: From a problem.
        package: Whose it is: a module that has to be installed.
        note: How it was run.
    """

    make: Callable[[Problem], Contender]
    package: str = "ray_mtlkd"
    note: str = ""

    @property
    def installed(self) -> bool:
        """Whether its package can be found."""
        return importlib.util.find_spec(self.package) is not None


BARE = "bare loop"
SHARE = 0.25
"""Of what the gradients of all tasks take: what is there at a time where they are streamed."""
STREAMED = "ray_mtlkd pcgrad, streamed"
LIBMTL_GRADIENTS = (
    "LibMTL 1.1.5's class; zero_grad_share_params keeps zeros as it did before torch 2.0, without which it fails"
)
LIBMTL_LOSSES = "LibMTL 1.1.5's class, in its Trainer's step"
MTL_BACKWARD = "mtl_backward, then jac_to_grad"


def _peer(module: str, name: str, *arguments: Any, **options: Any) -> Callable[[Problem], Contender]:
    """A maker in a module of this folder, which imports a package that may not be installed."""

    def make(problem: Problem) -> Contender:
        found: Contender = vars(importlib.import_module(f"benchmarks.step.{module}"))[name](
            problem, *arguments, **options
        )
        return found

    return make


def _ours(strategy: str, **options: Any) -> Callable[[Problem], Contender]:
    return partial(SteppedLoop, strategy=strategy, **options)


def _libmtl(weighting: str, note: str) -> ContenderEntry:
    return ContenderEntry(make=_peer("libmtl", "LibMTL", weighting), package="LibMTL", note=note)


def _torchjd(name: str, note: str, **options: Any) -> ContenderEntry:
    return ContenderEntry(make=_peer("torchjd", name, **options), package="torchjd", note=note)


CONTENDERS: Mapping[str, ContenderEntry] = {
    BARE: ContenderEntry(make=Bare, note="sum of the losses, torch.optim.Adam by default"),
    "bare loop, fused Adam": ContenderEntry(
        make=partial(Bare, fused=True), note="the same with torch.optim.Adam(fused=True)"
    ),
    "ray_mtlkd sum": ContenderEntry(make=_ours("sum")),
    "ray_mtlkd uncertainty": ContenderEntry(make=_ours("uncertainty")),
    "ray_mtlkd gradnorm": ContenderEntry(
        make=_ours("gradnorm"), note="norms at the last shared layer, as in the paper"
    ),
    "ray_mtlkd pcgrad": ContenderEntry(make=_ours("pcgrad")),
    STREAMED: ContenderEntry(
        make=_ours("pcgrad", gradient_share=SHARE), note="a quarter of what the gradients of all tasks take, at a time"
    ),
    "LibMTL EW": _libmtl("EW", LIBMTL_LOSSES),
    "LibMTL UW": _libmtl("UW", LIBMTL_LOSSES),
    "LibMTL GradNorm": _libmtl("GradNorm", f"{LIBMTL_GRADIENTS}; norms over all shared layers"),
    "LibMTL PCGrad": _libmtl("PCGrad", LIBMTL_GRADIENTS),
    "TorchJD Sum": _torchjd("total", "scalarization.Sum"),
    "TorchJD UW": _torchjd("uncertainty", "scalarization.UW"),
    "TorchJD PCGrad": _torchjd("pcgrad", f"{MTL_BACKWARD}; all tasks at once, its default"),
    "TorchJD PCGrad, one by one": _torchjd("pcgrad", f"{MTL_BACKWARD}; parallel_chunk_size=1", chunk=1),
}
"""TorchJD has no GradNorm."""
