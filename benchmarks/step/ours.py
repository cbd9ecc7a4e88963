"""This project's own training loop, step by step."""

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from benchmarks.step.problem import LEARNING_RATE, SEED, Problem
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.sharing import HardSharing, SharingConfig
from ray_mtlkd.storage import Storage
from ray_mtlkd.strategies import decode_strategy
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.job import Job, Ladder, RelabelRequest, SoftLabels
from ray_mtlkd.training.loop import Loop
from ray_mtlkd.training.settings import Optimization
from ray_mtlkd.training.state.checkpoint import Checkpoints
from ray_mtlkd.training.state.progress import Evaluation
from ray_mtlkd.training.step.weighing import matrix_bytes

_FOREVER = 10**9


def never_relabel(request: RelabelRequest) -> SoftLabels:
    """No strategy here has a teacher.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"task {request.task} is not to be relabelled")


def tell_nobody(evaluation: Evaluation) -> None:
    """What a run says after an evaluation is not wanted."""


class SteppedLoop(Loop):
    """The loop of a run without its evaluations: drawing, gathering, the step itself, meters and bookkeeping.

    Args:
        problem: What to learn.
        strategy: By its name, or as a search space describes it.
        sharing: Hard unless told.
        gradient_share: Of what the gradients of all tasks take, what may be there at a time; None: all of it.
    """

    def __init__(
        self,
        problem: Problem,
        strategy: str | Mapping[str, Any],
        *,
        sharing: SharingConfig | None = None,
        gradient_share: float | None = None,
    ) -> None:
        self.job = Job(
            tables=problem.tables,
            configuration=Configuration(
                strategy=decode_strategy(strategy, where="strategy"),
                architecture=Architecture(encoder=problem.encoder, sharing=sharing or HardSharing()),
                training=Optimization(
                    steps=_FOREVER, batch_size=problem.size.batch_size, eval_every=1, lr=LEARNING_RATE
                ),
            ),
            seed=SEED,
            gradient_bytes=_bytes(problem, gradient_share),
        )
        super().__init__(
            self.job,
            relabel=never_relabel,
            report=tell_nobody,
            checkpoints=Checkpoints(Storage.at("nowhere"), job=self.job.fingerprint),
            checkpoint_every_s=float("inf"),
            checkpoint_at_end=False,
            ladder=Ladder(),
        )

    def step(self, at: int) -> None:  # noqa: ARG002 - the loop draws its rows by itself
        """One step: an evaluation would be due after each."""
        self._train()

    def parameters(self) -> list[Tensor]:
        """What is learned."""
        return list(self._trainer.model.parameters())


def _bytes(problem: Problem, share: float | None) -> float:
    return math.inf if share is None else share * matrix_bytes(problem.model(), only_last=False)
