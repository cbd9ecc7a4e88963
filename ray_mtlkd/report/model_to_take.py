"""The folder of the model to take: where sweeps have kept models, and which of a strategy's is the best."""

from collections.abc import Mapping, Sequence

from ray_mtlkd.report import text
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.seals import sealed_json
from ray_mtlkd.serial import dumps
from ray_mtlkd.storage import FILE_NAME, Storage, reaching, split_uri
from ray_mtlkd.sweep_folder import BestModel, SweepFolder

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


def best_models(strategy: str, setups: Sequence[Setup], folders: ModelFolders) -> dict[str, str]:
    """A strategy's model with the best validation score, by setup; of those alone where one was kept."""
    found: dict[str, str] = {}
    for setup in setups:
        runs = setup.of(strategy)
        if runs is not None:
            at = int(runs.per_trial["score"].argmax())
            folder = folders.get((runs.keys[at][0], runs.trials[at]))
            found |= {} if folder is None else {setup.name: folder}
    return found


def said_models(strategy: str, setups: Sequence[Setup], folders: ModelFolders) -> str:
    """These models in a sentence; empty where there are none."""
    models = best_models(strategy, setups, folders)
    several = len(setups) > 1
    said = "Its models" if several else "Its model"
    if any(runs.strategy.role == "reference" for setup in setups if (runs := setup.of(strategy)) is not None):
        said = "A folder a task, its models"
    named = [text.code(folder) + (f" ({text.plain(setup)})" if several else "") for setup, folder in models.items()]
    return f"{said} with the best validation score: {text.listed(named)}." if named else ""


def name_models(results: Sequence[str], report: Storage, models: Mapping[str, str]) -> None:
    """Leave in a sweep's folder which of its models are to be taken, where the report of it alone stands there.

    A file a setup, `ray_mtlkd.sweep_folder.SweepFolder.best`: an object store knows no links.

    Args:
        results: What the report was made of.
        report: Its folder.
        models: Of each setup, in the folder of models.
    """
    sweep = SweepFolder.at(results[0])
    if len(results) > 1 or sweep.root.is_file or sweep.report.root != report.root:
        return
    for setup, folder in models.items():
        if FILE_NAME.fullmatch(setup):  # no sweep writes another one: it would lead out of the folder
            sweep.best.write(setup, sealed_json(dumps(BestModel(model=split_uri(folder)[1]))))


def _trials(records: Records) -> list[tuple[str, str, int]]:
    columns = ["sweep", "trial", "file"]
    return [tuple(row.values()) for row in records.table.group_by(columns).aggregate([]).select(columns).to_pylist()]
