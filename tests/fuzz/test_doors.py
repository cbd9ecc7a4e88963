"""Whatever stands in a file that somebody else may have written, it is read, or refused by an error that says why."""

from pathlib import Path

import pytest

from tests.fuzz.doors import DOORS
from tests.fuzz.reading import fault_of

_SLOW = {"records", "encoder config", "encoder tokenizer", "encoder weights", "search space"}
_CORPUS = Path(__file__).parent / "corpus"
"""A folder a door: files that once ended otherwise, each under the name of what is wrong with it."""


@pytest.mark.parametrize("name", DOORS)
def test_a_changed_file_is_read_or_refused(name):
    door = DOORS[name]()
    seeds = range(1000, 1004 if name in _SLOW else 1030)
    faults = {seed: fault for seed in seeds if (fault := fault_of(door, door.mutant(seed))) is not None}
    assert not faults


@pytest.mark.parametrize("folder", sorted(path.name for path in _CORPUS.iterdir()))
def test_a_file_that_once_ended_otherwise_is_read_or_refused(folder):
    door = DOORS[folder.replace("_", " ")]()
    files = sorted((_CORPUS / folder).iterdir())
    assert files
    faults = {file.name: fault for file in files if (fault := fault_of(door, file.read_bytes())) is not None}
    assert not faults
