"""Where the models lie that sweeps have kept, and which of a strategy's to take."""

from collections.abc import Mapping, Sequence

from pyarrow import fs

from ray_mtlkd.report import text
from ray_mtlkd.report.files import ResultFile, place
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.runs import Setup

Kept = Mapping[tuple[str, str], str]
"""Folders of models as the user would name them, by sweep and trial."""

_RECORDS, _MODELS = "records", "models"


def find(results: Sequence[str], records: Records) -> Kept:
    """The models in these sweeps' directories; none where only records are given."""
    sweeps = {(sweep, trial): file for sweep, trial, file in _trials(records)}
    found: dict[tuple[str, str], str] = {}
    for root in map(place, results):
        names = _folders(root / _MODELS)
        inside = {(root / _RECORDS).path, root.path}
        for (sweep, trial), file in sweeps.items():
            if trial in names and records.files[file].path.rpartition("/")[0] in inside:
                found.setdefault((sweep, trial), (root / _MODELS / trial).shown)
    return found


def best_models(strategy: str, setups: Sequence[Setup], kept: Kept) -> str:
    """A strategy's model with the best validation score, in each setup; empty where none was kept."""
    found: list[str] = []
    said = "Its models" if len(setups) > 1 else "Its model"
    for setup in setups:
        runs = setup.of(strategy)
        if runs is None:
            continue
        at = int(runs.per_trial["score"].argmax())
        folder = kept.get((runs.keys[at][0], runs.trials[at]))
        if folder is not None:
            found.append(text.code(folder) + (f" ({setup.name})" if len(setups) > 1 else ""))
        if runs.strategy.role == "reference":
            said = "A folder a task, its models"
    return f"{said} with the best validation score: {text.listed(found)}." if found else ""


def _trials(records: Records) -> list[tuple[str, str, int]]:
    columns = ["sweep", "trial", "file"]
    return [tuple(row.values()) for row in records.table.group_by(columns).aggregate([]).select(columns).to_pylist()]


def _folders(folder: ResultFile) -> set[str]:
    listed = folder.filesystem.get_file_info(fs.FileSelector(folder.path, allow_not_found=True))
    return {info.base_name for info in listed if info.type == fs.FileType.Directory}
