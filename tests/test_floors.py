import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.setup_files import Files

ROOT = Path(__file__).parents[1]

ABSENT = {
    "ray_mtlkd.strategies": {"ray", "torch", "torchjd", "scipy"},
    "ray_mtlkd.cli": {"ray", "torch"},
    "ray_mtlkd.report": {"ray", "torch", "pandas", "sklearn"},
    "ray_mtlkd.training.run": {"ray"},
    "ray_mtlkd.sweep.prepare": {"ray"},
}
"""What importing a part must not import: one process imports them all, each further one may import more."""

COMMANDS = {"check": ["check", "space.yaml"], "setups": ["setups", "describe", "shop.yaml", "--no-classical"]}
"""Commands that run no trial; the same process runs them last."""

SPACE = """
name: small
setups: [similar]
encoder: {name: mlp, hidden: [4]}
training: {steps: 4, batch_size: 4, eval_every: 2}
strategies: [joint_kd]
search: {configurations: 1}
"""

CHILD = """
import contextlib, importlib, io, json, sys

def imported():
    return sorted({name.partition(".")[0] for name in sys.modules})

modules, commands = map(json.loads, sys.argv[1:])
found = {}
for name in modules:
    importlib.import_module(name)
    found[name] = imported()
from ray_mtlkd.cli import main
for name, words in commands.items():
    sys.argv = ["ray-mtlkd", *words]
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        main()
    found[name] = [*imported(), *said.getvalue().split()]
print(json.dumps(found))
"""


def test_nobody_imports_from_a_floor_above():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 kept, 0 broken" in done.stdout


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """Names of packages that are there once each part is imported, and each command has run, and what it said."""
    folder = tmp_path_factory.mktemp("imported")
    (folder / "space.yaml").write_text(SPACE)
    Files(folder).write()
    given = [json.dumps(each) for each in (list(ABSENT), COMMANDS)]
    command = [sys.executable, "-c", CHILD, *given]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("module", ABSENT)
def test_importing_a_part_does_not_import_what_it_does_not_need(imported, module):
    assert "ray_mtlkd" in imported[module]
    assert ABSENT[module].isdisjoint(imported[module])


@pytest.mark.parametrize(("command", "said"), [("check", "trials,"), ("setups", "intent")])
def test_a_command_that_runs_no_trial_goes_without_ray(imported, command, said):
    assert said in imported[command]
    assert "ray" not in imported[command]
