import subprocess
import sys
from pathlib import Path

import pytest

from ray_mtlkd import classical, setups
from ray_mtlkd.sweep.classical import computing

SCRIPT = Path(__file__).with_name("classical_while_busy.py")


@pytest.mark.ray
def test_baselines_wait_for_trials_that_hold_every_cpu_and_their_failures_are_only_said(tmp_path):
    command = [sys.executable, str(SCRIPT), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert "OK" in done.stdout.splitlines()


def test_what_the_cache_holds_is_written_without_ray(tmp_path, monkeypatch):
    monkeypatch.setenv("MTLKD_CACHE", str(tmp_path / "cache"))
    whole = setups.read("similar", data_dir=None)
    raw = type(whole)(whole.manifest, whole.tasks[:1], ())
    classical.remember(classical.compute(raw, say=lambda _: None), say=lambda _: None)
    said = []
    with computing([raw], str(tmp_path / "out"), say=said.append):
        assert (tmp_path / "out" / "classical" / "similar.parquet").exists()
    assert said == []
