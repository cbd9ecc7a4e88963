"""What trials wrote down, and where the cores' time went."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class TimedTrial:
    """One trial; moments in seconds since the epoch.

    Attributes:
        steps_s: CPU time of the training thread inside training steps; ``evaluations_s``: inside evaluations.
        process_s: CPU time of the whole process, all threads, from the trial's start to its end.
    """

    name: str
    start: float
    first_step: float
    end: float
    steps_s: float
    evaluations_s: float
    process_s: float

    @property
    def useful_s(self) -> float:
        """CPU time inside steps and evaluations."""
        return self.steps_s + self.evaluations_s


def read_trials(folder: Path) -> list[TimedTrial]:
    """What all processes wrote, by start."""
    lines = [line for file in folder.glob("*.jsonl") for line in file.read_text().splitlines()]
    return sorted((TimedTrial(**json.loads(line)) for line in lines), key=lambda trial: trial.start)


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """One run of the command; moments in seconds since the epoch.

    Attributes:
        cpu_s: CPU time of the command's processes: ``driver``, ``workers`` and ``ray``.
        busy_s: CPU time of the whole machine, whoever had it; None where that is not known.
    """

    trials: Sequence[TimedTrial]
    started: float
    ended: float
    cores: int
    cpu_s: Mapping[str, float]
    busy_s: float | None

    @property
    def wall_s(self) -> float:
        """From the start of the command's process to its end."""
        return self.ended - self.started

    @property
    def cold_start_s(self) -> float:
        """From the start of the command's process to its first training step."""
        return min(trial.first_step for trial in self.trials) - self.started

    @property
    def after_s(self) -> float:
        """From the end of the last trial to the end of the command."""
        return self.ended - max(trial.end for trial in self.trials)

    @property
    def useful_s(self) -> float:
        """CPU time inside steps and evaluations."""
        return sum(trial.useful_s for trial in self.trials)

    @property
    def efficiency(self) -> float:
        """CPU time inside steps and evaluations over wall time x cores, of the whole command."""
        return self.useful_s / (self.wall_s * self.cores)

    @property
    def efficiency_of_trials(self) -> float:
        """The same from the start of the first trial to the end of the last one."""
        span = max(trial.end for trial in self.trials) - min(trial.start for trial in self.trials)
        return self.useful_s / (span * self.cores)

    @property
    def others_s(self) -> float | None:
        """CPU time of processes that have nothing to do with the command."""
        return None if self.busy_s is None else max(0.0, self.busy_s - sum(self.cpu_s.values()))

    def shares(self) -> dict[str, float]:
        """Where the rest of wall time x cores went, as shares of it."""
        whole = self.wall_s * self.cores
        inside = sum(trial.process_s for trial in self.trials)
        found = {
            "trials, beside steps and evaluations": inside - self.useful_s,
            "workers, before, between and after trials": self.cpu_s["workers"] - inside,
            "driver": self.cpu_s["driver"],
            "Ray's own processes": self.cpu_s["ray"],
        }
        if self.busy_s is not None and self.others_s is not None:
            found |= {"other processes of the machine": self.others_s, "idle": whole - self.busy_s}
        return {name: seconds / whole for name, seconds in found.items()}
