"""Python imports this on start in every process of a sweep that is measured: it lets trials count their own time.

Each trial leaves a line of JSON in the folder that ``MTLKD_PROBE`` names. The product runs as it is, but for a clock
around each step, each evaluation and each trial.
"""

import functools
import importlib.abc
import importlib.machinery
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

_FOLDER = os.environ.get("MTLKD_PROBE")
_spent = {"steps": 0.0, "evaluations": 0.0}
_seen: dict[str, float] = {}


def _clocked(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The same function; the CPU time of its thread alone is added up, so that nothing beside it counts."""

    @functools.wraps(function)
    def run(*arguments: Any, **options: Any) -> Any:
        _seen.setdefault(name, time.time())
        started = time.thread_time()
        try:
            return function(*arguments, **options)
        finally:
            _spent[name] += time.thread_time() - started

    return run


def _told(run_trial: Callable[..., None]) -> Callable[..., None]:
    """The same trial; what it spent is written down."""

    @functools.wraps(run_trial)
    def run(config: Mapping[str, Any], *arguments: Any, **options: Any) -> None:
        _spent.update(steps=0.0, evaluations=0.0)
        _seen.clear()
        started, cpu = time.time(), time.process_time()
        run_trial(config, *arguments, **options)
        line = {
            "name": json.loads(config["trial"])["name"],
            "start": started,
            "first_step": _seen["steps"],
            "end": time.time(),
            "steps_s": _spent["steps"],
            "evaluations_s": _spent["evaluations"],
            "process_s": time.process_time() - cpu,
        }
        with (Path(_FOLDER or ".") / f"{os.getpid()}.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    # Ray sends a function by its name where the module holds that very function, and would look through a wrapper.
    del run.__wrapped__  # type: ignore[attr-defined]
    return run


def _clock_steps(module: ModuleType) -> None:
    module.Trainer.step = _clocked(module.Trainer.step, "steps")


def _clock_evaluations(module: ModuleType) -> None:
    module.metrics_of = _clocked(module.metrics_of, "evaluations")


def _clock_trials(module: ModuleType) -> None:
    module.run_trial = _told(module.run_trial)


_CLOCKS: Mapping[str, Callable[[ModuleType], None]] = {
    "ray_mtlkd.training.step.trainer": _clock_steps,
    "ray_mtlkd.training.evaluation.evaluate": _clock_evaluations,
    "ray_mtlkd.sweep.trial": _clock_trials,
}


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules that get a clock where they would be found anyway."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The module's own spec, with a loader that adds the clock."""
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target) if fullname in _CLOCKS else None
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def load_and_clock(module: ModuleType) -> None:
            load(module)
            _CLOCKS[fullname](module)

        spec.loader.exec_module = load_and_clock  # type: ignore[method-assign]
        return spec


if _FOLDER is not None:
    sys.meta_path.insert(0, _Finder())
