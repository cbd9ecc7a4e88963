"""Real processes that are ended, stopped, cut off and starved: minutes each, and so only where they are asked for."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.faults.drivers import Place, ended
from tests.setup_files import write_fewer
from tests.sweeps import SPACE


def pytest_collection_modifyitems(config, items):
    if "fault" in config.option.markexpr:
        return
    left = [item for item in items if item.get_closest_marker("fault") is not None]
    if left:
        items[:] = [item for item in items if item not in set(left)]
        config.hook.pytest_deselected(items=left)


@pytest.fixture(scope="session")
def folder():
    """A search space of some seconds with its tables, below a short path: sockets of Ray's lie there too."""
    with tempfile.TemporaryDirectory(prefix="f-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        write_fewer("similar", folder, tasks=("tiny_noisy", "small", "large"), rows=800)
        (folder / "space.yaml").write_text(f"{SPACE}classical: false\n")
        yield folder


@pytest.fixture(scope="session")
def whole(folder):
    """A sweep that nobody disturbs."""
    with Place(folder / "w") as place:
        assert ended(place.sweep(folder / "space.yaml", "--out", folder / "whole"), code=0)
    return folder / "whole"


@pytest.fixture
def place(folder, request):
    """Where a test's own sweeps and their Ray live; none of their processes is left at its end."""
    number = len(os.listdir(folder))  # noqa: PTH208 - a short name that is free
    with Place(folder / f"p{number}") as place:
        yield place
    shutil.rmtree(place.folder, ignore_errors=True)
