"""What the pages show is what works, and what they name is there."""

import importlib
import re
import shlex
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import typer

from ray_mtlkd.cli import app
from ray_mtlkd.models.encoders.hf.encoder import PretrainedEncoder
from ray_mtlkd.sweep.space import read_space

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / page).read_text(), flags=re.DOTALL)


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    """The modules of the page on extending, by the name in their first line."""
    folder = tmp_path_factory.mktemp("code")
    for block in blocks("extending.md", "python"):
        name = block.partition("\n")[0].removeprefix("# ")
        (folder / name).write_text(block)
    (folder / "space.yaml").write_text(blocks("extending.md", "yaml")[0])
    return folder


@pytest.fixture
def _imported(code, monkeypatch):
    """The modules can be imported, and nothing of them is left."""
    monkeypatch.setattr(sys, "path", [str(code), *sys.path])
    yield
    for path in code.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.mark.usefixtures("_imported")
def test_the_worked_plug_ins_pass_their_own_tests():
    tests = [test for name, test in vars(importlib.import_module("test_mine")).items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()


@pytest.mark.usefixtures("_imported")
def test_the_worked_search_space_decodes_with_their_code(code):
    labels = [strategy.label for strategy in read_space(code / "space.yaml").strategies]
    assert labels == ["sum", "softened", "joint_kd+softened"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_that_a_page_names_are_there(page):
    named = set(re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.(?:py|md|yaml))?)`", page.read_text()))
    missing = {name for name in named if not any((root / name).exists() for root in (ROOT, ROOT / "ray_mtlkd"))}
    assert {name for name in missing if not name.startswith(("code/", "shop/", "wandb/"))} == set()  # a reader's own


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_to_a_file_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_page_on_pretrained_encoders_names_every_key_and_its_search_space_decodes(tmp_path):
    page = (ROOT / "docs" / "pretrained.md").read_text()
    named = re.findall(r"^\| `([a-z_]+)` \|", page, flags=re.MULTILINE)
    assert named == [field.name for field in fields(PretrainedEncoder)]
    (tmp_path / "space.yaml").write_text(blocks("pretrained.md", "yaml")[0])
    labels = [strategy.label for strategy in read_space(tmp_path / "space.yaml").strategies]
    assert labels == ["sum", "pcgrad", "joint_kd", "single_task"]


def commands(page):
    return "".join(re.findall(r"```console\n(.*?)```", page.read_text(), flags=re.DOTALL)).splitlines()


def understood(line):
    """Have a command line read, and nothing done; what is missing is not asked of one within a sentence."""
    command, words = typer.main.get_command(app), shlex.split(line, comments=True)[1:]
    while words and isinstance(command, typer.core.TyperGroup):
        command = command.commands[words.pop(0)]
    command.make_context("", words)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.stem)
def test_the_command_line_understands_every_command_of_a_page(page):
    for line in commands(page):
        if line.startswith("$ ray-mtlkd "):
            understood(line.removeprefix("$ "))


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.stem)
def test_verbs_and_options_within_sentences_are_there(page):
    known = typer.main.get_command(app).commands
    for line in re.findall(r"`ray-mtlkd ((?!-)[^`…]+)`", page.read_text()):
        verb, *words = shlex.split(line)
        command = known[verb]
        if words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words[0]]
        options = {option for each in command.params for option in each.opts}
        assert {word for word in words if word.startswith("--")} <= options, line
