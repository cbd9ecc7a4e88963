"""What is shown of a sweep that runs, at 80 columns."""

from ray_mtlkd.console.plain import open_paper
from ray_mtlkd.sweep.standing import below, said, said_leaders
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
    paper = open_paper(80)
    for part in parts:
        paper.print(part)
    return paper.export_text()


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
    assert "ETA 2:10" in said(STATUS)
    assert "ETA" not in said(Status(total=2, done=1, failed=1, elapsed_s=9.0, eta_s=0.0))
    assert "ETA" not in said(Status(total=1, done=0, failed=0, elapsed_s=0.0, eta_s=None))
    assert list(below(Status(total=1, done=0, failed=0, elapsed_s=0.0, eta_s=None))) == []
