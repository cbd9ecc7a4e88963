"""Fuzzing that is led by what a reader has gone through finds what chance would not."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.fault

_PLANTED = """
import sys
from pathlib import Path
from tests.fuzz import guided
import atheris

@atheris.instrument_func
def read(data, folder):
    if data[:1] == b"s" and data[1:2] == b"e" and data[2:3] == b"a" and data[3:4] == b"l":
        raise KeyError("planted")

guided.fuzz(guided.Door(samples=[b"xxxx"], changes=[], read=read), keep=Path(sys.argv[1]), seconds=240, seed=1)
"""


def test_a_fault_behind_four_bytes_is_found_and_kept(tmp_path):
    pytest.importorskip("atheris", reason="wants the extra `fuzz`")
    ended = subprocess.run(
        [sys.executable, "-c", _PLANTED, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    assert "KeyError: 'planted'" in ended.stderr + ended.stdout
    (kept,) = tmp_path.glob("crash-*")
    assert kept.read_bytes().startswith(b"seal")
