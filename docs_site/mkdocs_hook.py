"""What mkdocs asks while it makes the site: what pages of `docs/` link to beside it in the repository comes along.

A link to anything outside `docs/` takes that file into the site, under its path in the repository, and the pages among
them bring theirs. So every link of the site leads to a file of the site, and mkdocs checks it.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
OWN = ("site.css", "iframe-worker.js")
"""Files of this folder that the site has at its root."""

_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The files of the site: those of `docs/`, and what they lead to."""
    for name in OWN:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / "docs_site" / name)))
    waiting = [file.src_uri for file in files.documentation_pages()]
    while waiting:
        uri = waiting.pop()
        for target in _targets(uri):
            if files.get_file_from_path(target) is None:
                place = _place(target)
                if not (ROOT / place).is_file():
                    raise PluginError(f"{_place(uri)} links to {place}, which is no file")
                files.append(File.generated(config, target, abs_src_path=str(ROOT / place)))
                waiting += [target] if target.endswith(".md") else []
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """A page whose links are those of the site; what is not in `docs/` is found by them alone, not by searching."""
    uri = page.file.src_uri
    if not (ROOT / "docs" / uri).exists():
        page.meta["search"] = {"exclude": True}
    return _LINK.sub(lambda link: posixpath.relpath(_target(uri, link[0]), posixpath.dirname(uri) or "."), markdown)


def _targets(uri: str) -> Iterator[str]:
    for link in _LINK.findall((ROOT / _place(uri)).read_text(encoding="utf-8")):
        yield _target(uri, link)


def _target(uri: str, link: str) -> str:
    """Where a link of a page leads, as the site has it."""
    place = posixpath.normpath(posixpath.join(posixpath.dirname(_place(uri)), link))
    if (ROOT / place / "README.md").is_file():
        place = f"{place}/README.md"
    if place == "README.md":
        return "index.md"
    return place.removeprefix("docs/")


def _place(uri: str) -> str:
    """Where a file of the site lies in the repository."""
    return f"docs/{uri}" if (ROOT / "docs" / uri).exists() else uri
