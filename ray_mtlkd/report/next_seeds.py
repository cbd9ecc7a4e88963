"""How to get the seeds that would tell, and the margin that the sweeps asked for."""

from collections.abc import Sequence

from ray_mtlkd.decode import decode
from ray_mtlkd.judging import Judging
from ray_mtlkd.report import text
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.shell import command
from ray_mtlkd.storage import join_uri, reaching
from ray_mtlkd.sweep_folder import SPACE, SweepFolder
from ray_mtlkd.yaml_files import parse_yaml


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
    """
    margins = []
    for folder in map(SweepFolder.at, results):
        with reaching(folder.uri):
            content = None if folder.root.is_file else folder.root.read(SPACE)
        value = None if content is None else parse_yaml(content.decode(), where=join_uri(folder.uri, SPACE))
        told = value.get("report", {}) if isinstance(value, dict) else {}
        margins.append(decode(Judging, told, where="report").margin)
    return min(margins, default=Judging().margin)
