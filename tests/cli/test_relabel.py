"""What the command says before, or without, Ray."""

import sys
from pathlib import Path

import pytest

from ray_mtlkd.cli import main, parts
from ray_mtlkd.cluster import connection
from ray_mtlkd.predict.dataset.labelling import plan
from ray_mtlkd.predict.dataset.labels import Settings
from ray_mtlkd.predict.dataset.output import Written
from ray_mtlkd.predict.dataset.work import Done
from tests.keeping import keep_diverse, relabel_alone, rows_of_diverse, write_data_set


@pytest.fixture(autouse=True)
def _no_ray(monkeypatch):
    def refuse(**_):
        pytest.fail("Ray was started")

    monkeypatch.setattr(connection, "connect", refuse)


@pytest.fixture(scope="module")
def diverse(tmp_path_factory):
    return keep_diverse(tmp_path_factory.mktemp("kept") / "diverse")


@pytest.fixture
def work(diverse, tmp_path):
    """What the command is to do: 4 parts, the last one smaller."""
    folder = write_data_set(tmp_path / "data", rows_of_diverse()["segment"].slice(0, 4000), (4000,))
    return plan(
        model=diverse.uri,
        data=str(folder),
        out=str(tmp_path / "out"),
        settings=Settings(task="segment"),
        rows_per_part=1024,
    )


@pytest.fixture
def command(work, monkeypatch):
    """Runs the command with options replaced; returns its exit code."""

    def run(*, model=work.making.model, **options):
        given = {
            "task": "segment",
            "data": work.source.uri,
            "out": work.out,
            "rows_per_part": 1024,
            **options,
        }
        named = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
        monkeypatch.setattr(sys, "argv", ["ray-mtlkd", "relabel", model, *named])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0

    return run


@pytest.mark.parametrize("whole", [True, False])
def test_an_output_of_which_every_part_is_there_needs_no_ray(command, capsys, work, whole):
    relabel_alone(work)
    manifest = Path(work.out) / "manifest.json"
    content = manifest.read_bytes()
    if not whole:
        manifest.unlink()
    assert command() == 0
    said = capsys.readouterr().out
    assert ("complete already: 4000 rows in 4 parts" in said) == whole
    assert manifest.read_bytes() == content


@pytest.mark.parametrize(
    "options",
    [
        {"values": "logit"},
        {"dtype": "int8"},
        {"actors": 0},
        {"gpus_per_actor": -1},
        {"gpus_per_actor": 1.5},
        {"rows_per_part": 0},
        {"top_k": 13},
        {"key": "id"},
        {"task": "x"},
        {"model": "/nowhere"},
        {"data": "/nowhere"},
    ],
    ids=str,
)
def test_a_mistake_is_one_line_and_writes_nothing(command, capsys, tmp_path, options, worded):
    assert command(**options) == 2
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    worded(line)
    assert not (tmp_path / "out").exists()


def test_the_line_says_rows_speed_without_the_start_and_what_is_left(work, monkeypatch):
    now = 100.0
    monkeypatch.setattr(parts.time, "monotonic", lambda: now)
    meter = parts._Meter(work)
    done = Done(written=Written(index=0, rows=1000, bytes=1, sha256=""))
    now = 110.0
    assert meter.say(done) == "1000/4000 rows (25%) · 100 rows/s · 0:10 elapsed · ETA 0:30"
    now = 112.0
    assert meter.say(done) == "2000/4000 rows (50%) · 500 rows/s · 0:12 elapsed · ETA 0:04"
    assert not meter.is_over
    for _ in range(2):
        meter.say(done)
    assert meter.is_over
