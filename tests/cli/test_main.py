import subprocess
import sys

import pytest

import ray_mtlkd
from ray_mtlkd.cli import main


def test_the_version_is_the_package_s(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ray-mtlkd", "--version"])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert capsys.readouterr().out == f"ray-mtlkd {ray_mtlkd.__version__}\n"


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "ray_mtlkd"], capture_output=True, text=True, check=False)
    assert "python -m ray_mtlkd [OPTIONS] COMMAND" in done.stdout + done.stderr
    assert "sweep" in done.stdout + done.stderr
