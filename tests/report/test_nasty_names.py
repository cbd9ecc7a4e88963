"""A whole report on records whose names, errors, settings and classes are nasty is built as one on harmless names."""

import csv
import io
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import cycle
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow.parquet as pq
import pytest
from markdown_it import MarkdownIt

from ray_mtlkd import report
from ray_mtlkd.cli.report import print_report
from ray_mtlkd.console.plain import open_console, open_paper
from ray_mtlkd.escapes import one_line, visible
from ray_mtlkd.records import TrialWarning, to_table
from tests.columns import changed
from tests.nasty import NASTY
from tests.predictions import predicted, store
from tests.report.conftest import classical_record, failed, fake_trial, write_classical

HARMLESS = tuple(f"n{sorted(NASTY).index(name):02}" for name in NASTY)
"""In the same order as the others, by which tables are sorted."""
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
BASES = ("joint_kd", "uncertainty", "single_task", "stop", "pcgrad")
TRIALS = ((0, 0, "search"), (1, 0, "search"), (0, 1, "replicate"), (0, 2, "replicate"))
"""Configuration, seed and stage."""


def _setups(names):
    """Two, whose tasks and names are all of these."""
    parts = [names[at::2] for at in range(2)]
    return {f"{at}" if names == HARMLESS else f"{at} {' '.join(part)}": part for at, part in enumerate(parts)}


def _trials(names, folder):
    said = "\n".join(names)
    bases = {"sum": "sum", **dict(zip(names, cycle(BASES), strict=False))}
    sweep, number = f"w {said}", 0
    for setup, tasks in _setups(names).items():
        labels = bases if setup.startswith("0") else list(bases)[:4]
        for label in labels:
            for config, seed, stage in TRIALS:
                number += 1
                about = {"sweep": sweep, "setup": setup, "strategy": label, "trial": f"t{number}"}
                found = fake_trial(setup="similar", strategy=bases[label], seed=seed, stage=stage, config=config)
                settings = json.dumps(
                    {
                        "training.lr": 0.1 * number,
                        "training.note": names[number % len(names)],
                        "sharing.name": names[number // 8 % len(names)],
                    }
                )
                found = [
                    changed(
                        record,
                        **about,
                        config=settings,
                        task=task,
                        task_index=at,
                        metric=names[at] if setup.startswith("1") else record.identity.metric,
                        weight=float(at > 0),  # the first task is an auxiliary
                        warnings=[TrialWarning(kind="data", task=None, text=said)],
                        events=[replace(event, task=event.task and task) for event in record.result.events],
                        cosines=[0.5] * len(tasks) if label == names[0] else None,
                        affinities=[0.1] * len(tasks) if label == names[0] else None,
                    )
                    for at, (record, task) in enumerate(zip(cycle(found), tasks, strict=False))
                ]
                if label == names[0] and stage == "replicate":
                    late = [TrialWarning(kind="untrained", task=tasks[1], text=said)]
                    found = [changed(record, warnings=late) for record in found]
                if label == names[1] and seed == 2:
                    found = failed([changed(record, trial=f"t{number} {said}") for record in found], said)
                elif stage == "replicate" and setup.startswith("0"):
                    found = store(folder, found, _predictions(found, names, by=number))
                yield found


def _predictions(records, names, *, by):
    labels = np.arange(60) % len(names)
    sure = {
        "classes": names,
        "likeliest": np.roll(labels, by // 4)[:, None].astype(np.int32),
        "probabilities": np.full((60, 1), 0.8, np.float16),
    }
    return [
        predicted("multiclass", "accuracy", labels, task=each.identity.task, table=at, split=split, **sure)
        for split in ("valid", "test")
        for at, each in enumerate(records)
    ]


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The folder of a report, and what was returned, by the names in its records."""
    made = {}
    for names in (NASTY, HARMLESS):
        folder = tmp_path_factory.mktemp("run")
        (folder / "records").mkdir()
        records = [record for trial in _trials(names, folder) for record in trial]
        pq.write_table(to_table(records), folder / "records" / "all.parquet")
        models = [
            classical_record(task, setup=setup, model=name, test=0.99, content="c")
            for setup, tasks in _setups(names).items()
            for task, name in zip(tasks, names, strict=False)
        ]
        write_classical(folder / "classical.parquet", models)
        made[names] = (report.build([str(folder)], folder / "report"), folder / "report")
    return made


@pytest.fixture
def texts(reports):
    """A file of the report on nasty names, and of the one on harmless ones."""
    return lambda name: [(folder / name).read_bytes().decode() for _, folder in reports.values()]


def _tokens(markdown):
    """What Markdown makes of a text but the text itself."""

    def seen(tokens):
        for token in tokens:
            if token.type not in {"text", "code_inline", "softbreak"}:
                yield token.type, token.tag, tuple((key, token.attrs[key]) for key in token.attrs if key == "href")
            yield from seen(token.children or ())

    return list(seen(MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(markdown)))


def test_markdown_has_the_same_structure(texts):
    nasty, harmless = map(_tokens, texts("report.md"))
    assert nasty == harmless
    assert Counter(each for each, *_ in nasty)["heading_open"] > 10


def test_markdown_has_no_control_and_no_address_that_a_reader_would_link(texts):
    nasty, _ = texts("report.md")
    assert not CONTROLS.search(nasty)
    outside = re.sub(r"(?<![`\\])(`+)(?!`).*?(?<!`)\1(?!`)", "", nasty)
    assert "http://x.test" in nasty
    assert not re.search(r"http://x|www\.x", outside)
    assert not re.search(r"(?<!\\)\$", outside)


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.words, self.scripts = [], [], []

    def handle_starttag(self, tag, attributes):
        kept = [(name, value) for name, value in attributes if name not in {"alt", "aria-label", "src"}]
        if tag != "code":
            self.tags.append((tag, *kept))

    def handle_endtag(self, tag):
        if tag != "code":
            self.tags.append((f"/{tag}",))

    def handle_data(self, words):
        kept = self.scripts if self.tags and self.tags[-1][0] == "script" else self.words
        kept.append(words)


def _page(text):
    page = _Page()
    page.feed(text)
    page.close()
    return page


def test_the_page_has_the_same_tags_and_says_every_name(texts):
    nasty, harmless = map(_page, texts("report.html"))
    assert nasty.tags == harmless.tags
    said = " ".join(" ".join(nasty.words).split())
    for name in NASTY:
        assert one_line(name) in said
    assert not CONTROLS.search(said)


def _strings(part, key=""):
    if isinstance(part, str):
        yield key, part
    elif isinstance(part, dict):
        for name, each in part.items():
            yield from _strings(each, name)
    elif isinstance(part, list):
        for each in part:
            yield from _strings(each, key)


def test_charts_hold_names_as_text_of_plotly(texts):
    nasty, harmless = [json.loads(_page(text).scripts[0]) for text in texts("report.html")]
    assert nasty.keys() == harmless.keys()
    assert {"gains", "curves-0", "tasks-0", "confusions-0", "calibration-0", "search-0"} <= nasty.keys()
    templates = [{text for key, text in _strings(each) if key == "hovertemplate"} for each in (nasty, harmless)]
    assert templates[0] == templates[1]
    lines = [
        sum(text.count("<br>") for key, text in _strings(each) if key != "hovertemplate") for each in (nasty, harmless)
    ]
    assert lines[0] == lines[1]
    words = [text.replace("<br>", " ") for key, text in _strings(nasty) if key != "hovertemplate"]
    assert any("&lt;img" in text for text in words)
    assert not [text for text in words if "<" in text or CONTROLS.search(text)]


def test_figures_are_sound_and_have_the_same_parts(reports):
    drawn = []
    for _, folder in reports.values():
        files = sorted(folder.glob("*.svg"))
        parsed = ((path, ET.parse(path)) for path in files)  # noqa: S314 - well-formed or not is what is asked
        drawn.append([(path.name.split("-")[0], {part.tag for part in tree.iter()}) for path, tree in parsed])
    assert drawn[0] == drawn[1]
    assert Counter(name for name, _ in drawn[0]) == {"gains.svg": 1, "curves": 2, "tasks": 2}


def test_no_cell_of_a_table_is_a_formula_or_ends_its_row(reports):
    (_, nasty), (_, harmless) = reports.values()
    files = sorted(path.name for path in nasty.glob("*.csv"))
    assert files == sorted(path.name for path in harmless.glob("*.csv"))
    assert {"gains.csv", "configurations.csv", "confusions.csv", "disagreements.csv"} <= set(files)
    for name in files:
        lines, others = [
            list(csv.reader(io.StringIO((folder / name).read_bytes().decode(), newline="")))
            for folder in (nasty, harmless)
        ]
        assert [len(line) for line in lines] == [len(line) for line in others]
        cells = {cell for line in lines for cell in line}
        assert not [cell for cell in cells if CONTROLS.search(cell)]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@")) and not _is_number(cell)]


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_latex_has_the_same_commands(texts):
    nasty, harmless = texts("gains.tex")
    assert not CONTROLS.search(nasty)
    spelled = re.compile(r"\\textbackslash\{\}|\\text\w+\{\}|\\[&%$#_{}]")
    plain = [spelled.sub("", text) for text in (nasty, harmless)]
    commands = [re.findall(r"\\\w+|\\\\|[&$%#_{}]", text) for text in plain]
    assert commands[0] == commands[1]


def test_a_terminal_is_told_nothing_but_text(reports, capsys):
    told = []
    for found, _ in reports.values():
        print_report(found, open_console(), failed=found.failed)
        told.append(capsys.readouterr().out)
    assert not CONTROLS.search(told[0])
    assert "\\x1b[2J" in told[0]
    assert [line for line in told[0].splitlines() if line.startswith("warning: ")] == []


def test_a_notebook_is_shown_the_same_tags(reports):
    tags = []
    for found, _ in reports.values():
        paper = open_paper(200)
        print_report(found, paper, failed=found.failed)
        tags.append({tag for tag, *_ in _page(paper.export_html(inline_styles=True)).tags})
    assert tags[0] == tags[1]


def test_all_of_it_stands_in_parquet_as_it_is(reports):
    found, _ = reports[NASTY]
    assert set(found.table("gains")["strategy"].to_pylist()) >= set(NASTY)
    assert visible(NASTY[0]) == NASTY[0]
