"""How to get the seeds that would tell, and the margin that the sweeps asked for."""

from collections.abc import Sequence

from ray_mtlkd.decode import decode
from ray_mtlkd.judging import Judging
from ray_mtlkd.report import text
from ray_mtlkd.report.left_space import left_space
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.shell import command


def said(more: int, setups: Sequence[Setup], results: Sequence[str]) -> str:
    """What to write into a search space, and the command that runs so many seeds more; empty for several sweeps."""
    if len(results) != 1:
        return ""
    seeds = sorted({seed for setup in setups for _, seed in setup.seeds})
    seeds += range(seeds[-1] + 1, seeds[-1] + 1 + more)
    line = f"replicate: {{seeds: [{', '.join(map(str, seeds))}]}}"
    run = command("ray-mtlkd", "sweep", "SPACE.yaml", "--extend", results[0])
    return f"To run them, write {text.code(line)} into its search space, then {text.code(run)}."


def margin(results: Sequence[str]) -> float:
    """The margin that these sweeps' search spaces ask for, the smallest where they differ.

    Raises:
        MtlkdError: where a folder cannot be reached, or its search space is not what a sweep left there.
        ExceptionGroup: of ``MtlkdError``, where it is so in many ways.
    """
    judgings = (decode(Judging, left_space(each).get("report", {}), where="report") for each in results)
    return min((judging.margin for judging in judgings), default=Judging().margin)
