"""How far a sweep is."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RunningTrial:
    """A trial that has a worker.

    Attributes:
        step: Physical steps at its last evaluation that was told; 0 before the first.
        share: Of its budget, that it had spent by then.
    """

    name: str
    step: int = 0
    share: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RankedStrategy:
    """How a strategy stands in a setup.

    Attributes:
        skill: Mean skill on validation over its replicate trials so far, as the verdict has it; before there are any,
            the best of its search.
        seeds: Of these replicate trials; 0 while only the search has results. Others may have other seeds so far.
    """

    setup: str
    strategy: str
    skill: float
    seeds: int


@dataclass(frozen=True, kw_only=True)
class Status:
    """A sweep at one moment.

    Attributes:
        total: Trials in all.
        done: Finished well, those of an earlier run included.
        eta_s: Seconds to the end; None before a trial has ended.
        trials: That run, in the order in which they began.
        ranking: Of each setup, the best first: those with replicate trials, then those with a search.
    """

    total: int
    done: int
    failed: int
    elapsed_s: float
    eta_s: float | None
    trials: tuple[RunningTrial, ...] = ()
    ranking: tuple[RankedStrategy, ...] = ()

    @property
    def running(self) -> int:
        """How many trials run."""
        return len(self.trials)

    @property
    def left(self) -> int:
        """How many have not ended."""
        return self.total - self.done - self.failed
