"""What trials noted while they ran."""

import re
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.report import text

_LATE = re.compile(r"the budget ended before (.+) had trained and been evaluated")
_STAGES = ("replicate", "search")


def untrained_tasks(notes: Sequence[str], tasks: Sequence[str]) -> tuple[str, ...]:
    """Which of a trial's ``tasks`` its notes say the budget did not reach, in their order."""
    late = {name for note in notes if (match := _LATE.match(note)) for name in match[1].split(", ")}
    return tuple(task for task in tasks if task in late)


def notes(table: pa.Table) -> list[str]:
    """Each note once a setup, with the strategies, stages and seeds that have it."""
    columns = ["setup", "strategy", "stage", "seed"]
    noted = table.select(columns).take(pc.list_parent_indices(table["notes"]))
    noted = noted.append_column("note", pc.list_flatten(table["notes"])).group_by([*columns, "note"]).aggregate([])
    seen: dict[tuple[str, str], dict[tuple[str, str], set[int]]] = {}
    for row in noted.to_pylist():
        trials = seen.setdefault((row["setup"], row["note"]), {})
        trials.setdefault((row["stage"], row["strategy"]), set()).add(row["seed"])
    return [f"{setup}: {note} ({_trials(trials)})" for (setup, note), trials in sorted(seen.items())]


def _trials(found: Mapping[tuple[str, str], Iterable[int]]) -> str:
    stages = []
    for stage in _STAGES:
        said = [
            f"{text.code(strategy)} seed{'s' * (len(set(seeds)) > 1)} {', '.join(map(str, sorted(seeds)))}"
            for (of, strategy), seeds in sorted(found.items())
            if of == stage
        ]
        stages.extend([f"{stage}: {', '.join(said)}"] if said else [])
    return "; ".join(stages)
