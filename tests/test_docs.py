"""What the pages show is what works, and what they name is there."""

import importlib
import re
import shlex
import sys
from dataclasses import fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ray_mtlkd.models.encoders.hf.encoder import PretrainedEncoder
from ray_mtlkd.sweep.space import read_space
from tests.pretrained import WORDS, save

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
    assert missing - {"code/"} == set()


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


def files_of(page, language, folder):
    """Write the blocks of a page that begin with the name of a file."""
    for block in blocks(page, language):
        name = block.partition("\n")[0].removeprefix("# ")
        if Path(name).suffix in {".py", ".yaml"}:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(block)


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")  # of defaults of its own
@pytest.mark.usefixtures("_figures_unsaved")
def test_the_commands_of_the_page_on_vectors_lead_from_texts_to_a_sweep(tmp_path, here):
    save(tmp_path / "minilm")
    (tmp_path / "raw").mkdir()
    for at, split in enumerate(("train", "valid", "test")):
        titles = [f"{WORDS[row % len(WORDS)]} {WORDS[row % 5 + at]}" for row in range(40)]
        table = pa.table({"title": titles, "label": [f"{row % 3}" for row in range(40)]})
        pq.write_table(table, tmp_path / "raw" / f"{split}.parquet")
    files_of("embeddings.md", "yaml", tmp_path)
    space = tmp_path / "space.yaml"
    space.write_text(space.read_text().replace("steps: 300", "steps: 4, eval_every: 2"))
    for line in "".join(blocks("embeddings.md", "console")).splitlines():
        words = shlex.split(line.removeprefix("$ ray-mtlkd "))
        short = ["--max-length", "32"] if words[0] == "embed" else []
        done = here(*words, *short, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "vectors" / "report" / "report.md").exists()
