"""A one-task setup in real files, sound until a test breaks it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.setup_files import Files

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture(scope="session")
def public_data() -> Callable[[str], Path]:
    """The folder with a public setup's tables, or a skip."""

    def find(name: str) -> Path:
        for folder in (os.environ.get("MTLKD_DATA"), REPOSITORY.parent / "shared" / "data"):
            if folder and (Path(folder) / name).is_dir():
                return Path(folder)
        pytest.skip(f"the tables of {name} are not here: set MTLKD_DATA to the folder that holds {name}/")

    return find
