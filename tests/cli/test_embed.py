"""What the command says before, or without, Ray."""

import sys

import pytest

from ray_mtlkd.cli import main
from tests.keeping import text_table, write_data_set
from tests.pretrained import save


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Runs the command on a data set with options; returns its exit code."""
    save(tmp_path / "bert")
    write_data_set(tmp_path / "data", text_table(20), (20,))
    monkeypatch.chdir(tmp_path)

    def run(*options):
        given = ["--encoder", "bert", "--data", "data", "--out", "out", "--max-length", "16", *options]
        monkeypatch.setattr(sys, "argv", ["ray-mtlkd", "embed", *given])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0

    return run


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--text", "text", "--tokens", "words"),
        ("--pair", "text", "nothing"),
        ("--text", "text", "--pooling", "max"),
        ("--text", "text", "--actors", "0"),
        ("--text", "text", "--column", "label"),
        ("--text", "text", "--encoder", "data"),
        ("--text", "text", "--max-length", "41"),
    ],
    ids=" ".join,
)
def test_a_mistake_is_one_line_and_writes_nothing(command, capsys, tmp_path, options, worded):
    assert command(*options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    worded(line)
    assert not (tmp_path / "out").exists()
