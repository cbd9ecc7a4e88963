"""The page for a browser: its text, its charts, and what a real browser makes of it."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from ray_mtlkd import report
from tests.columns import changed
from tests.predictions import predicted, store

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def page(made, write, tmp_path, _figures_unsaved):
    """A report's page, of strategies whose gains over ``sum`` on both tasks are known by heart."""

    def written(*names, **columns):
        def trial(at, name, seed):
            test = [0.8 + 0.01 * at + 0.001 * seed, 2.0]
            records = made(name, seed=seed, test=test, valid=[0.8, 2.0], signs=[1, -1], setup="one")
            return [changed(record, **columns) for record in records]

        trials = [trial(at, name, seed) for at, name in enumerate(names) for seed in (1, 2, 3)]
        folder = write(tmp_path / "run", trials)
        report.build([str(folder)], tmp_path / "out")
        return tmp_path / "out" / "report.html"

    return written


def _charts(path):
    found = re.search(r'<script type="application/json" id="charts">(.*?)</script>', path.read_text(), re.DOTALL)
    return json.loads(found[1])


def test_the_page_is_one_file_that_asks_for_nothing_else(page):
    text = page("sum", "joint_kd").read_text()
    head = text.partition("<script>")[0]
    assert "default-src 'none'" in head
    assert not re.search(r'(?:src|href)="(?!#|data:)', head)
    assert len(text) < 15e6


def test_charts_hold_the_numbers_of_the_report(page):
    charts = _charts(page("sum", "joint_kd", "single_task"))
    assert {"gains", "tasks-0"} <= charts.keys()
    (first, *_) = charts["gains"]["data"]
    assert first["y"] == ["joint_kd", "single_task"]
    labels = [button["label"] for button in charts["gains"]["layout"]["updatemenus"][0]["buttons"]]
    assert labels == ["one: over sum", "one: over the best baseline", "one: over one model a task"]
    accuracy = charts["tasks-0"]["data"][0]
    assert dict(zip(accuracy["y"], accuracy["x"], strict=True)) == pytest.approx(
        {"joint_kd": 0.01, "single_task": 0.02}
    )


def test_a_part_says_so_above_the_verdict(page, tmp_path):
    page("sum", "joint_kd", "single_task")
    report.build([str(tmp_path / "run")], tmp_path / "part", strategies=["sum", "joint_kd"])
    text = (tmp_path / "part" / "report.html").read_text().partition("<script")[0]
    assert text.index("2 of 3 strategies") < text.index("Ship <code>") < text.index("Average gains</h2>")
    assert "<blockquote>" not in (tmp_path / "out" / "report.html").read_text().partition("<script")[0]


def test_one_view_is_shown_and_each_button_shows_its_own(page):
    chart = _charts(page("sum", "joint_kd", "single_task"))["gains"]
    shown = [trace["visible"] for trace in chart["data"]]
    assert shown == [True, False, False]
    assert [button["args"][0]["visible"] for button in chart["layout"]["updatemenus"][0]["buttons"]] == [
        [at == own for at in range(3)] for own in range(3)
    ]


@pytest.fixture
def rich(fake_trial, write, tmp_path, _figures_unsaved):
    """The page of a sweep that searched, and whose trials left curves and predictions."""
    labels = np.arange(40) % 4
    sure = {
        "likeliest": np.roll(labels, 1)[:, None].astype(np.int32),
        "probabilities": np.full((40, 1), 0.8, np.float16),
    }

    def trials():
        for name in ("sum", "joint_kd", "pcgrad"):
            for config in range(3):
                yield fake_trial(setup="similar", strategy=name, seed=0, stage="search", config=config)
            for seed in (1, 2):
                records = fake_trial(setup="similar", strategy=name, seed=seed)
                parts = [
                    predicted("multiclass", "accuracy", labels, task=each.identity.task, table=at, split=split, **sure)
                    for split in ("valid", "test")
                    for at, each in enumerate(records)
                ]
                yield store(tmp_path / "run", records, parts)

    report.build([str(write(tmp_path / "run", trials()))], tmp_path / "out")
    return tmp_path / "out" / "report.html"


def test_every_chart_stands_where_its_words_are_once(rich):
    charts = _charts(rich)
    sorts = ("curves", "phases", "weights", "conflicts", "tasks", "cost", "search", "confusions", "calibration")
    assert charts.keys() == {"gains", *(f"{sort}-0" for sort in sorts)}
    body = rich.read_text().partition('<script type="application/json"')[0]
    assert sorted(re.findall(r'id="chart-([^"]+)"', body)) == sorted(charts)
    assert body.index("Setup similar</h2>") < body.index("chart-search-0") < body.index("Rows</h2>")
    assert body.index("Rows</h2>") < body.index("chart-confusions-0")
    assert body.count('<div class="said">') == len(charts)


@pytest.fixture
def seen(tmp_path):
    """What a browser makes of a page in a window: the charts that it draws."""
    if CHROMIUM is None:
        pytest.skip("no chromium here")

    def seen(path, *, width, height):
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
        command += [
            f"--window-size={width},{height}",
            "--virtual-time-budget=20000",
            "--enable-logging=stderr",
            "--v=0",
        ]
        done = subprocess.run(
            [*command, "--dump-dom", path.as_uri()], capture_output=True, text=True, check=True, timeout=120
        )
        assert "CONSOLE" not in done.stderr
        return done.stdout

    return seen


def _drawn(dom):
    return set(re.findall(r'class="chart js-plotly-plot" id="chart-([^"]+)"', dom))


def _told(path, *events):
    """A copy of a page that hears of events once it is there."""
    said = "".join(f'dispatchEvent(new Event("{event}"));' for event in events)
    after = "document.documentElement.dataset.theme = 'dark';" + said
    copy = path.with_name("-".join(events) + ".html")
    copy.write_text(path.read_text().replace("</body>", f"<script>{after}</script></body>"))
    return copy


@pytest.mark.parametrize("width", [1200, 390])
def test_a_browser_draws_every_chart_that_comes_near_without_an_error(rich, seen, width):
    assert _drawn(seen(rich, width=width, height=9000)) == _charts(rich).keys()


def test_charts_far_below_are_not_drawn_before_anybody_sees_them(rich, seen):
    drawn = _drawn(seen(rich, width=1200, height=600))
    assert "gains" in drawn
    assert "calibration-0" not in drawn


_WIDTHS = r'class="main-svg" [^>]*width="([\d.]+)"'
_THEME = r'<html[^>]* data-theme="(\w+)"'


def test_on_paper_everything_is_open_light_and_as_wide_as_a_sheet(rich, seen):
    dom = seen(_told(rich, "beforeprint"), width=1400, height=600)
    assert _drawn(dom) == _charts(rich).keys()
    assert set(re.findall(_WIDTHS, dom)) == {"680"}
    assert dom.count("<details open") == dom.count("<details") > 0
    assert re.findall(_THEME, dom) == ["light"]
    menus = [menu for each in _charts(rich).values() for menu in each["layout"].get("updatemenus", ())]
    told = re.findall(r'class="paper">\D+(\d+)', dom)
    assert sorted(map(int, told)) == sorted(len(menu["buttons"]) for menu in menus)


def test_after_paper_the_page_is_as_it_was(rich, seen):
    dom = seen(_told(rich, "beforeprint", "afterprint"), width=1400, height=600)
    assert "680" not in re.findall(_WIDTHS, dom)
    assert "<details open" not in dom
    assert re.findall(_THEME, dom) == ["dark"]
