"""The table of gains as LaTeX, for a paper: needs booktabs."""

from collections.abc import Iterator

from ray_mtlkd.escapes import in_latex
from ray_mtlkd.report import text
from ray_mtlkd.report.summary import REFERENCES, Cell, Reference, Summary

_HEADS: dict[Reference, str] = {
    "best_baseline": "best baseline",
    "sum": "\\texttt{sum}",
    "single_task": "one model a task",
}
_SHOWN = frozenset({"better", "worse"})


def gains_tex(summary: Summary) -> bytes:
    """A row a strategy, a block a setup (and all setups): differences of mean skill on test in points, with intervals.

    Intervals are those that hold together; what is shown is bold.
    """
    columns = "l" + "r" * len(REFERENCES)
    lines = [
        "% \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{{columns}}}",
        "\\toprule",
        f"over & {' & '.join(_HEADS[reference] for reference in REFERENCES)} \\\\",
        *_blocks(summary),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "\n".join([*lines, ""]).encode()


def _blocks(summary: Summary) -> Iterator[str]:
    for setup in summary.sections:
        part = summary.parts[setup]
        named = {"best baseline": part.who("best_baseline"), "one model a task": part.who("single_task")}
        against = "".join(f", {words}: {in_latex(name)}" for words, name in named.items() if name)
        yield "\\midrule"
        yield f"\\multicolumn{{{1 + len(REFERENCES)}}}{{l}}{{\\emph{{{in_latex(setup)}}}{against}}} \\\\"
        for strategy in summary.strategies(setup):
            cells = (_cell(summary.cells[setup, strategy.name, reference]) for reference in REFERENCES)
            yield f"{in_latex(strategy.name)} & {' & '.join(cells)} \\\\"


def _cell(cell: Cell) -> str:
    if cell.skill is None:
        return "--" if cell.state == "self" else text.WITHOUT[cell.state]
    mean = f"{cell.skill.mean:+.1f}"
    number = f"$\\mathbf{{{mean}}}$" if cell.skill.finding in _SHOWN else f"${mean}$"
    if cell.skill.interval is None:
        return number
    low, high = cell.skill.interval
    return f"{number} {{\\scriptsize $[{low:+.1f}, {high:+.1f}]$}}"
