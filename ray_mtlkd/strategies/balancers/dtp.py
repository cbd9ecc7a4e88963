"""DTP: weights by how far each task is from being solved."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Le

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts

_LEAST, _MOST = 0.01, 0.999
"""Skills beyond are taken as these: at 0 a weight would be infinite, at 1 nothing would be left to share out."""


@dataclass(frozen=True, kw_only=True)
class DTPState:
    """Each task's skill when it last learned from labels [T]; None before its first evaluation."""

    skills: tuple[float | None, ...]


@document
class DTP:
    """Weigh up the tasks that are far from solved, by their skill on validation.

    Guo, Haque, Huang, Yeung and Fei-Fei, "Dynamic Task Prioritization for Multitask Learning", ECCV 2018,
    https://openaccess.thecvf.com/content_ECCV_2018/html/Michelle_Guo_Focus_on_the_ECCV_2018_paper.html. With k_i in
    (0, 1) a task's performance::

        w_i  =  -(1 - k_i)^gamma log k_i          (scaled to sum to A)

    k_i is the task's skill at the last evaluation on validation, between that of the trivial predictor (0) and a
    perfect one (1). The paper averages a metric over batches; an evaluation is such an average. Before its first one a
    task has no skill. A task that distils keeps the skill that it had on labels.

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> balancer = DTP(gamma=1.0)
    >>> step = Signals(tasks=(0, 1), losses=(1.0, 1.0), regression=(False, False), skills=(0.2, 0.8))
    >>> weights, _ = balancer.weigh(step, balancer.init(2))
    >>> [round(weight, 3) for weight in weights.shared]
    [1.933, 0.067]

    Attributes:
        gamma: In [0, 5]: how much tasks that are nearly solved are weighed down beyond the logarithm.
    """

    name: ClassVar[str] = "dtp"
    needs: ClassVar[Needs] = "losses"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper=(
            "Guo et al. 2018, "
            "https://openaccess.thecvf.com/content_ECCV_2018/html/Michelle_Guo_Focus_on_the_ECCV_2018_paper.html"
        ),
        equation="the focal weight, of skill on validation",
        guarantees=("no negative weight",),
    )

    gamma: Annotated[float, Ge(0), Le(5)] = 1.0

    def init(self, num_tasks: int) -> DTPState:
        """No skills are known."""
        return DTPState(skills=(None,) * num_tasks)

    def weigh(self, signals: Signals, state: DTPState) -> tuple[Weights, DTPState]:
        """Positive weights that sum to the number of active tasks."""
        skills = list(state.skills)
        for task, skill in zip(signals.tasks, signals.skills, strict=True):
            if task not in signals.distilling:
                skills[task] = skill
        focal = [self._focal(skills[task]) for task in signals.tasks]
        weights = tuple(len(focal) * weight / sum(focal) for weight in focal)
        return Weights(shared=weights, heads=weights), DTPState(skills=tuple(skills))

    def _focal(self, skill: float | None) -> float:
        known = min(max(0.0 if skill is None else skill, _LEAST), _MOST)
        return float(-((1 - known) ** self.gamma) * math.log(known))
