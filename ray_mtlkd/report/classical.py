"""Classical models beside the strategies: found in the sweeps' folders, and compared with what is to be shipped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ray_mtlkd.errors import first_line
from ray_mtlkd.foreign.tables import fitted, read_parquet
from ray_mtlkd.records import CLASSICAL, ClassicalRecord, classical_from_table
from ray_mtlkd.report import text
from ray_mtlkd.report.files import RecordFile, classical_files
from ray_mtlkd.report.runs import Setup

_DIGITS = 3
SAID = """\
- **Classical models**: one scikit-learn model a task (TF-IDF, gradient boosting, …), fitted on train, chosen on
  validation, measured once on test; deterministic, so it has no seeds. It takes no part in gains and in the choice of
  what to ship."""
"""How these figures came about."""


@dataclass(frozen=True, kw_only=True)
class Classical:
    """What classical models reach.

    Attributes:
        records: By setup and task.
        warnings: Sentences on files that were left out.
    """

    records: Mapping[tuple[str, str], ClassicalRecord] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def of(self, setup: Setup) -> list[ClassicalRecord | None]:
        """One a task of the setup; None where there is none by the same metric."""
        found = [self.records.get((setup.name, task.name)) for task in setup.tasks]
        return [
            record if record is not None and record.metric == task.metric else None
            for record, task in zip(found, setup.tasks, strict=True)
        ]


def read(results: Sequence[str]) -> Classical:
    """The models in these sweeps' folders; where several have one of a task, the first one given."""
    records: dict[tuple[str, str], ClassicalRecord] = {}
    warnings: list[str] = []
    for file in (file for given in results for file in classical_files(given)):
        for record in _read(file, warnings):
            first = records.setdefault((record.setup, record.task), record)
            if first.content != record.content:
                setup = text.plain(record.setup)
                said = f"{setup}: its tables differ between these sweeps; the classical models are the first's"
                warnings.append(said)
    return Classical(records=records, warnings=tuple(dict.fromkeys(warnings)))


def _read(file: RecordFile, warnings: list[str]) -> list[ClassicalRecord]:
    try:
        table = read_parquet(file.read(), columns=CLASSICAL.names)
        return classical_from_table(fitted(table, CLASSICAL, defaults={}))
    except OSError as error:
        why = text.plain(f"{file.uri}: {first_line(error)}")
        warnings.append(f"no classical models from {why}; delete it and resume the sweep")
        return []


def row(setup: Setup, classical: Classical) -> list[str] | None:
    """The models as a row of the table of metrics; None where there is none."""
    found = classical.of(setup)
    models = list(dict.fromkeys(record.model for record in found if record is not None))
    if not models:
        return None
    cells = [text.NOTHING if record is None else text.number(record.test, _DIGITS) for record in found]
    return [f"classical ({text.plain(models[0]) if len(models) == 1 else 'a model a task'})", text.NOTHING, *cells]


def models(setup: Setup, classical: Classical) -> str:
    """Which model is each task's, where they differ; else nothing."""
    known = [record for record in classical.of(setup) if record is not None]
    if len({record.model for record in known}) <= 1:
        return ""
    return f"Classical: {'; '.join(f'{text.plain(record.task)}: {text.plain(record.model)}' for record in known)}."


def against(strategy: str, setups: Sequence[Setup], classical: Classical) -> str:
    """On which tasks a strategy's mean test metric is below a classical model; empty where none is known."""
    compared, below = 0, []
    for setup in setups:
        runs = setup.of(strategy)
        if runs is None:
            continue
        means = runs.per_task["test"].mean(axis=0)
        for task, mean, record in zip(setup.tasks, means, classical.of(setup), strict=True):
            if record is not None:
                compared += 1
                figures = f"{text.number(mean, _DIGITS)} against {text.number(record.test, _DIGITS)}"
                name = text.plain(task.name if len(setups) == 1 else f"{task.name} of {setup.name}")
                below.extend([f"{name} ({figures})"] if task.sign * (mean - record.test) < 0 else [])
    if not compared:
        return ""
    if not below:
        return f"With {text.code(strategy)} no task of {compared} is below its classical model on test."
    verb = "is" if len(below) == 1 else "are"
    return (
        f"**With {text.code(strategy)} {len(below)} of {compared} tasks {verb} below a classical model on test**: "
        f"{text.listed(below)}."
    )
