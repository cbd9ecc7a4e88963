"""What a terminal shows while a sweep runs, at 80 columns."""

import io

import pytest
from ray_mtlkd.cli.standing import below, said, said_leaders
from rich.console import Console

from ray_mtlkd.cli import sweep as module
from ray_mtlkd.sweep.status import RankedStrategy, RunningTrial, Status

STATUS = Status(
    total=40,
    done=12,
    failed=1,
    elapsed_s=62.0,
    eta_s=130.0,
    trials=(
        RunningTrial(name="shop-joint_kd-c0-s1", step=1240, share=0.62),
        RunningTrial(name="shop-sequential_kd+gradnorm with a long name to be cut somewhere-c0-s1"),
        *(RunningTrial(name=f"shop-sum-c0-s{at}", step=5, share=0.01) for at in range(6)),
    ),
    ranking=(
        RankedStrategy(setup="people", strategy="joint_kd", skill=0.6321, seeds=3),
        RankedStrategy(setup="people", strategy="sum", skill=0.7, seeds=0),
        *(RankedStrategy(setup="shop", strategy=f"s{at}", skill=0.5, seeds=1) for at in range(7)),
    ),
)


def _shown(*parts):
    console = Console(file=io.StringIO(), width=80)
    for part in parts:
        console.print(part)
    return console.file.getvalue()


def test_what_runs_and_how_strategies_stand_fits_80_columns():
    lines = _shown(*below(STATUS)).splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 20
    assert lines[0].split() == ["running", "shop-joint_kd-c0-s1", "step", "1,240", "62%"]
    assert any("and 2 more" in line for line in lines)
    assert ["people", "joint_kd", "63.21", "3", "seeds"] in [line.split() for line in lines]
    assert ["sum", "70.00", "best", "of", "the", "search"] in [line.split() for line in lines]


def test_the_first_of_each_setup_fits_a_line():
    assert said(STATUS).startswith("12/40 trials done")
    assert "people: joint_kd 63.21 (3 seeds); shop: s0 50.00 (1 seed)" in said_leaders(STATUS)
    assert "ETA" not in said(Status(total=1, done=0, failed=0, elapsed_s=0.0, eta_s=None))
    assert list(below(Status(total=1, done=0, failed=0, elapsed_s=0.0, eta_s=None))) == []


@pytest.mark.parametrize("is_terminal", [False, True])
def test_what_is_piped_are_plain_lines(is_terminal):
    console = Console(file=io.StringIO(), width=200, force_terminal=is_terminal, color_system=None)
    with module.SweepTerminal(console) as terminal:
        terminal.begin(40, "out")
        terminal.tell(STATUS)
    told = console.file.getvalue()
    assert ("\x1b" in told) == is_terminal
    assert ("shop-joint_kd-c0-s1" in told) == is_terminal
    assert is_terminal or len(told.splitlines()) == 3
