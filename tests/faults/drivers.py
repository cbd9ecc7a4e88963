"""Drivers of sweeps on a Ray of their own, and all processes that belong to them."""

import contextlib
import os
import random
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.processes import marked
from tests.scripts import LIMIT_S
from tests.sweeps import start

SEED = int(os.environ.get("FAULT_SEED", "1"))
"""Of all chance in these tests."""


def chance(*words):
    """A generator of a test's own."""
    return random.Random(f"{SEED} {words}")


@dataclass
class Place:
    """A folder for a sweep and Ray, whose processes are known by a variable in their environment."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    drivers: list[Any] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.folder.mkdir()
        self.environment = {"FAULT_PLACE": str(self.folder), "RAY_TMPDIR": str(self.folder), "MTLKD_CACHE": ""}
        return self

    def __exit__(self, *_):
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for driver in self.drivers:
            driver.communicate()

    @property
    def out(self) -> Path:
        """For a sweep."""
        return self.folder / "out"

    def sweep(self, *words, before=(), on=None):
        """Start a driver."""
        driver = start(*words, before=before, on={**self.environment, **(on or {})})
        self.drivers.append(driver)
        return driver

    def processes(self):
        """All that live, by number: their command lines."""
        return marked(f"FAULT_PLACE={self.folder}")

    def victims(self, kind):
        """Ray's workers of this kind."""
        return sorted(pid for pid, line in self.processes().items() if line.startswith(f"ray::{kind}"))


def ended(driver, *, code):
    """What a driver that ends with this code has said, on both streams."""
    try:
        said, told = driver.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(driver.pid, signal.SIGKILL)
        raise
    assert driver.returncode == code, said + told
    return said, told
