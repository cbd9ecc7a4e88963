"""Whatever stands in a file that somebody else may have written, it is read, or refused by an error that says why."""

import pytest

from tests.fuzz.doors import DOORS
from tests.fuzz.reading import fault_of

_SLOW = {"records", "encoder config", "encoder tokenizer", "encoder weights", "search space"}
_FOUND = {
    "records": (22, 58, 62, 165, 197, 224, 240),
    "classical models": (38, 92),
    "predictions": (30, 112, 127, 134, 149, 195, 223),
    "model parameters": (19, 55, 57),
    "model features": (0, 9, 12, 23, 44, 52, 75, 76, 98, 112),
    "checkpoint head": (184,),
    "checkpoint live": (19, 55, 57),
    "checkpoint soft labels": (0, 1, 4, 7, 8, 13, 26, 38, 64, 78),
    "cache": (24, 25, 34, 75, 106, 150, 156),
    "soft labels": (7, 76, 136),
    "encoder config": (17, 61, 96, 103, 226),
    "encoder tokenizer": (17, 52, 75, 96, 159, 175),
}
"""Seeds of files that once ended otherwise."""


@pytest.mark.parametrize("name", DOORS)
def test_a_changed_file_is_read_or_refused(name):
    door = DOORS[name]()
    seeds = [*_FOUND.get(name, ()), *range(1000, 1004 if name in _SLOW else 1030)]
    faults = {seed: fault for seed in seeds if (fault := fault_of(door, door.mutant(seed))) is not None}
    assert not faults
