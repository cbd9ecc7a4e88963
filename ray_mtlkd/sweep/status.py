"""How far a sweep is."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Leader:
    """The best validation score of a setup so far."""

    setup: str
    strategy: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Status:
    """A sweep at one moment.

    Attributes:
        total: Trials in all.
        done: Finished well, those of an earlier run included.
        eta_s: Seconds to the end; None before anything has run.
        best: One leader a setup.
    """

    total: int
    done: int
    running: int
    failed: int
    elapsed_s: float
    eta_s: float | None
    best: tuple[Leader, ...]
