"""Find out which multitask strategy serves your tasks best, on a laptop or on a Ray cluster.

What scripts and notebooks use is here; the command line uses the same. Nothing is imported before it is asked for::

    import ray_mtlkd

    end = ray_mtlkd.run_sweep("search_spaces/quickstart.yaml", out="runs/first")
    report = ray_mtlkd.build_report(end.uri, out="runs/first/report")
    gains = report.frame("gains")  # of pandas; report.table("gains") is Arrow's
    model = ray_mtlkd.load_model("runs/first/models/similar-sum-c0-s1")
    said = model.predict(frame, probabilities=True)  # of pandas, polars or Arrow
"""

import importlib
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray_mtlkd import testing
    from ray_mtlkd.errors import MtlkdError
    from ray_mtlkd.predict.model_folder import load_model
    from ray_mtlkd.predict.predictions import predict_table
    from ray_mtlkd.registry import Registry
    from ray_mtlkd.report.build import build as build_report
    from ray_mtlkd.setups import read as read_setup
    from ray_mtlkd.setups.summary import summarise as describe_setup
    from ray_mtlkd.sweep.prepare import prepare
    from ray_mtlkd.sweep.run import run_sweep
    from ray_mtlkd.sweep.space import read_space

    __version__: str

__all__ = [
    "MtlkdError",
    "Registry",
    "__version__",
    "build_report",
    "describe_setup",
    "load_model",
    "predict_table",
    "prepare",
    "read_setup",
    "read_space",
    "run_sweep",
    "testing",
]

_PLACES = {
    "MtlkdError": ("ray_mtlkd.errors", "MtlkdError"),
    "Registry": ("ray_mtlkd.registry", "Registry"),
    "build_report": ("ray_mtlkd.report.build", "build"),
    "describe_setup": ("ray_mtlkd.setups.summary", "summarise"),
    "load_model": ("ray_mtlkd.predict.model_folder", "load_model"),
    "predict_table": ("ray_mtlkd.predict.predictions", "predict_table"),
    "prepare": ("ray_mtlkd.sweep.prepare", "prepare"),
    "read_setup": ("ray_mtlkd.setups", "read"),
    "read_space": ("ray_mtlkd.sweep.space", "read_space"),
    "run_sweep": ("ray_mtlkd.sweep.run", "run_sweep"),
}
"""Module and name there of each; PyTorch and Ray take seconds to import."""


def __getattr__(name: str) -> Any:
    """What a public name stands for, imported as it is first asked for (PEP 562)."""
    if name == "__version__":
        found: Any = metadata.version("ray-mtlkd")
    elif name == "testing":
        return importlib.import_module("ray_mtlkd.testing")
    elif name in _PLACES:
        module, attribute = _PLACES[name]
        found = getattr(importlib.import_module(module), attribute)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
