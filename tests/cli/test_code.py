"""Modules of the user's own, which --code names the folder of."""

import sys

import pytest

from ray_mtlkd.cli import main
from ray_mtlkd.cluster import connection
from tests.plug_ins import BALANCER

SPACE = """
name: small
setups: [similar]
encoder: {name: mlp, hidden: [4]}
training: {steps: 20, eval_every: 10}
strategies: [sum, "their_balancer:Halved"]
search: {configurations: 1}
replicate: {configurations: 1, seeds: [1]}
classical: false
"""


@pytest.fixture
def code(tmp_path, monkeypatch):
    """A folder with a plug-in; nothing of it is left."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(connection, "connect", None)  # nothing here starts Ray
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "their_balancer.py").write_text(BALANCER)
    (tmp_path / "space.yaml").write_text(SPACE)
    yield folder
    sys.modules.pop("their_balancer", None)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a verb on the space; its exit code and the lines on stderr."""

    def call(verb, *options):
        monkeypatch.setattr(sys, "argv", ["ray-mtlkd", verb, str(tmp_path / "space.yaml"), *map(str, options)])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, capsys.readouterr().err.splitlines()

    return call


def test_a_search_space_finds_plug_ins_in_the_folder(code, run):
    assert run("check", "--code", code) == (0, [])


def test_without_the_folder_there_is_one_error_that_names_the_plug_in_and_the_way_out(code, run, worded):
    status, (line,) = run("check")
    assert status == 2
    worded(line)


def test_a_plug_in_that_breaks_its_contract_is_one_error(code, run, worded):
    (code / "their_balancer.py").write_text(BALANCER.replace("def weigh", "def way"))
    status, (line,) = run("check", "--code", code)
    assert status == 2
    worded(line)


@pytest.mark.parametrize("name", ["nowhere", "space.yaml"])
@pytest.mark.parametrize("verb", ["check", "sweep", "classical"])
def test_a_folder_that_is_not_there_is_an_error_before_anything_starts(code, run, verb, name, worded):
    status, (line,) = run(verb, "--code", code.parent / name)
    assert status == 2
    worded(line)
