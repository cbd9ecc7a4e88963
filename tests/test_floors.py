import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_nobody_imports_from_a_floor_above():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("ray_mtlkd.report", {"ray", "torch"}),
        ("ray_mtlkd.cli", {"ray", "torch"}),
        ("ray_mtlkd.training.run", {"ray"}),
        ("ray_mtlkd.sweep.prepare", {"ray"}),
        ("ray_mtlkd.strategies", {"ray", "torch", "numpy"}),
    ],
)
def test_importing_a_part_does_not_import_what_it_does_not_need(module, absent):
    code = f"import sys, {module}; print(sorted({absent!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
