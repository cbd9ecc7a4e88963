"""The folder of the model to take: where sweeps have kept models, and which of a strategy's is the best."""

from collections.abc import Mapping, Sequence

from ray_mtlkd.report import text
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.storage import reaching
from ray_mtlkd.sweep_folder import SweepFolder

ModelFolders = Mapping[tuple[str, str], str]
"""As the user would name them, by sweep and trial."""


def find(results: Sequence[str], records: Records) -> ModelFolders:
    """The models in these sweeps' folders; none where only records are given."""
    sweeps = {(sweep, trial): file for sweep, trial, file in _trials(records)}
    found: dict[tuple[str, str], str] = {}
    for folder in map(SweepFolder.at, results):
        with reaching(folder.uri):
            names = set(folder.models.folders()) if not folder.root.is_file else set()
        inside = {folder.records.root, folder.root.root}
        for (sweep, trial), file in sweeps.items():
            if trial in names and records.files[file].folder.root in inside:
                found.setdefault((sweep, trial), folder.models.child(trial).uri)
    return found


def best_models(strategy: str, setups: Sequence[Setup], folders: ModelFolders) -> str:
    """A strategy's model with the best validation score, in each setup; empty where none was kept."""
    found: list[str] = []
    said = "Its models" if len(setups) > 1 else "Its model"
    for setup in setups:
        runs = setup.of(strategy)
        if runs is None:
            continue
        at = int(runs.per_trial["score"].argmax())
        folder = folders.get((runs.keys[at][0], runs.trials[at]))
        if folder is not None:
            found.append(text.code(folder) + (f" ({setup.name})" if len(setups) > 1 else ""))
        if runs.strategy.role == "reference":
            said = "A folder a task, its models"
    return f"{said} with the best validation score: {text.listed(found)}." if found else ""


def _trials(records: Records) -> list[tuple[str, str, int]]:
    columns = ["sweep", "trial", "file"]
    return [tuple(row.values()) for row in records.table.group_by(columns).aggregate([]).select(columns).to_pylist()]
