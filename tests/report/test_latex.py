import re

from ray_mtlkd.report.latex import gains_tex
from ray_mtlkd.report.summary import summarise


def test_every_row_has_every_column_and_what_is_shown_is_bold(made, setups_of):
    levels = {"sum": 0.5, "joint_kd": 0.9}
    trials = [made(name, seed=seed, test=[level + seed / 1000]) for name, level in levels.items() for seed in (1, 2, 3)]
    lines = gains_tex(summarise(setups_of(*trials))).decode().splitlines()
    rows = [line for line in lines if "&" in line]
    assert {line.count("&") for line in rows} == {3}
    assert all(line.endswith(r" \\") for line in rows)
    (kd,) = (line for line in rows if line.startswith(r"joint\_kd"))
    assert re.search(r"\$\\mathbf\{\+40\.0\}\$ \{\\scriptsize \$\[\+\d", kd)
    (plain,) = (line for line in rows if line.startswith("sum &"))
    assert "--" in plain
    assert [line.split("{")[0] for line in (lines[1], lines[-1])] == [r"\begin", r"\end"]
