"""What the training loop costs beside forward, backward and optimizer: a real run, with a stopwatch at its seams."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.step.ours import never_relabel, tell_nobody
from ray_mtlkd.storage import Storage
from ray_mtlkd.training.job import Job, Ladder
from ray_mtlkd.training.loop import Loop
from ray_mtlkd.training.optimizer.optimizer import Optimizer
from ray_mtlkd.training.state.checkpoint import Checkpoints
from ray_mtlkd.training.step.feed import OwnRows, SharedRows
from ray_mtlkd.training.step.objective import Objective

COMPUTE: tuple[tuple[Any, str], ...] = (
    (Objective, "represent"),
    (Objective, "outputs"),
    (Objective, "losses"),
    (torch.Tensor, "backward"),
    (torch.autograd, "backward"),
    (torch.autograd, "grad"),
    (Optimizer, "step"),
)
"""Forward (with the loss and its labels), backward, optimizer. What goes past these counts as overhead."""
DRAW: tuple[tuple[Any, str], ...] = ((OwnRows, "draw"), (SharedRows, "draw"))
"""Which rows, and their inputs."""


@dataclass(frozen=True, kw_only=True)
class StepTimes:
    """Seconds of CPU time of the steps between two evaluations.

    Attributes:
        whole: All of it.
        compute: In forward, backward and optimizer.
        draw: In sampling row numbers and gathering inputs.
    """

    whole: float
    compute: float
    draw: float

    @property
    def overhead(self) -> float:
        """Share of the whole that is neither forward, nor backward, nor optimizer."""
        return 1 - self.compute / self.whole

    @property
    def drawing(self) -> float:
        """Share of the whole that goes into drawing and gathering."""
        return self.draw / self.whole


class Stopwatch:
    """CPU seconds inside some functions; a function called from within another one counts once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._inside = False

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            if self._inside:
                return function(*args, **kwargs)
            self._inside = True
            start = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds += time.process_time() - start
                self._inside = False

        return timed

    @contextmanager
    def watch(self, seams: tuple[tuple[Any, str], ...]) -> Iterator[None]:
        """Time these functions of classes and modules meanwhile.

        Raises:
            RuntimeError: where none of them was called: the code that they stood for has moved.
        """
        before = self.seconds
        with ExitStack() as stack:
            for owner, name in seams:
                stack.enter_context(patch.object(owner, name, self.around(getattr(owner, name))))
            yield
        if self.seconds == before:
            raise RuntimeError("no time in " + ", ".join(f"{owner.__name__}.{name}" for owner, name in seams))


class _Watched(Loop):
    """A run that notes what its steps between two evaluations cost; evaluations are left out."""

    compute: Stopwatch
    draw: Stopwatch
    spent: list[StepTimes]

    def _train(self) -> list[float]:
        compute, draw, start = self.compute.seconds, self.draw.seconds, time.process_time()
        epochs = super()._train()
        self.spent.append(
            StepTimes(
                whole=time.process_time() - start,
                compute=self.compute.seconds - compute,
                draw=self.draw.seconds - draw,
            )
        )
        return epochs


def overhead(job: Job, *, warmup: int) -> list[StepTimes]:
    """What a whole run spent, evaluation by evaluation, without the first ``warmup`` of them.

    The stopwatch reads the clock some 30 times a step, and half of what that takes counts as overhead.
    """
    loop = _Watched(
        job,
        relabel=never_relabel,
        report=tell_nobody,
        checkpoints=Checkpoints(Storage.at("nowhere"), job=job.fingerprint),
        checkpoint_every_s=float("inf"),
        checkpoint_at_end=False,
        ladder=Ladder(),
    )
    loop.compute, loop.draw, loop.spent = Stopwatch(), Stopwatch(), []
    with loop.compute.watch(COMPUTE), loop.draw.watch(DRAW):
        loop.run()
    return loop.spent[warmup:]
