"""The site is made without a warning, reads without a network, and its search has what the pages say."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HOOK = ROOT / "docs_site" / "mkdocs_hook.py"


def build(out, *more):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out), *more]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    made = build(out)
    assert made.returncode == 0, made.stderr
    assert "WARNING" not in made.stderr
    return out


def test_every_page_of_the_folder_is_in_the_navigation(site):
    home = (site / "index.html").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert f'href="{page.stem}.html"' in home or page.stem == "index", page.stem


def test_nothing_is_loaded_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        loaded = re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=\"([^\"]+)", page.read_text())
        loaded += re.findall(r"<link[^>]*\srel=\"(?:stylesheet|icon|preload)\"[^>]*href=\"([^\"]+)", page.read_text())
        assert [address for address in loaded if re.match(r"(?:https?:)?//", address)] == [], page
        for address in loaded:
            folder = site if address.startswith("/") else page.parent  # the page that says that there is none
            assert (folder / address.lstrip("/").partition("?")[0]).exists(), (page, address)


def test_pages_that_are_opened_as_files_can_be_searched(site):
    index = json.loads((site / "search" / "search_index.js").read_text().removeprefix("var __index = "))
    found = [each["location"] for each in index["docs"] if "eval_every" in each["text"]]
    assert "keys.html#training" in found
    assert not [each for each in index["docs"] if each["location"].startswith("results/")]


@pytest.mark.parametrize("target", ["other.md#nowhere", "missing.md", "../missing.yaml"])
def test_a_link_to_nowhere_is_no_site(tmp_path, target):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.md").write_text(f"# Home\n\n[Somewhere]({target})\n")
    (docs / "other.md").write_text("# Other\n")
    (tmp_path / "docs_site").mkdir()
    for name in (HOOK.name, "site.css", "iframe-worker.js"):
        (tmp_path / "docs_site" / name).write_bytes((HOOK.parent / name).read_bytes())
    configuration = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    configuration |= {"docs_dir": str(docs), "nav": ["index.md", "other.md"], "plugins": []}
    configuration |= {"theme": {"name": "material", "font": False}, "not_in_nav": ""}
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(configuration))
    made = build(tmp_path / "site", "--config-file", str(tmp_path / "mkdocs.yml"))
    assert made.returncode != 0
    assert target.rpartition("#")[2].removeprefix("../") in made.stderr
