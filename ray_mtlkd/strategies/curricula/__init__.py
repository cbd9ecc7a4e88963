"""When each task trains, and on which targets. One idea a file."""

from typing import Any

from ray_mtlkd.registry import Registry, part_of
from ray_mtlkd.strategies.curricula.base import ROLES, Curriculum
from ray_mtlkd.strategies.curricula.ensemble_kd import EnsembleKD
from ray_mtlkd.strategies.curricula.joint import Joint
from ray_mtlkd.strategies.curricula.joint_kd import JointKD
from ray_mtlkd.strategies.curricula.rewind_only import RewindOnly
from ray_mtlkd.strategies.curricula.sequential import Sequential
from ray_mtlkd.strategies.curricula.sequential_kd import SequentialKD
from ray_mtlkd.strategies.curricula.single_kd import SingleKD
from ray_mtlkd.strategies.curricula.single_task import SingleTask
from ray_mtlkd.strategies.curricula.split import Split
from ray_mtlkd.strategies.curricula.stop import StopConverged
from ray_mtlkd.strategies.curricula.stop_and_go import StopAndGo

__all__ = ["CURRICULA", "Curriculum"]


def _contract(found: Any) -> str | None:
    if hasattr(found, "weigh"):
        return "it is a balancer, which stands under `balancer`"
    problem = part_of("role", "groups", "schooling", "rewinds", "watches", "begin", "advance")(found)
    if problem is None and found.role not in ROLES:
        return f"its `role` is {found.role!r}, which is none of {', '.join(ROLES)}"
    return problem


CURRICULA: Registry[type[Curriculum]] = Registry(
    "curriculum",
    group="ray_mtlkd.curricula",
    members={
        "joint": Joint,
        "joint_kd": JointKD,
        "sequential_kd": SequentialKD,
        "single_kd": SingleKD,
        "ensemble_kd": EnsembleKD,
        "single_task": SingleTask,
        "split": Split,
        "stop": StopConverged,
        "stop_and_go": StopAndGo,
        "rewind_only": RewindOnly,
        "sequential": Sequential,
    },
    contract=_contract,
)
"""By name."""
