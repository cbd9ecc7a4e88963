"""From a folder to manifests that can be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ray_mtlkd.errors import MtlkdError, gather, raise_all
from ray_mtlkd.setups.files import FolderSource
from ray_mtlkd.setups.manifest_reader import parse_manifest
from ray_mtlkd.setups.proposal.folder import found_data, safe_name
from ray_mtlkd.setups.proposal.guess import Guess, guess_tasks, share_rows
from ray_mtlkd.setups.tables import read_setup

_TEXTS = frozenset({"text", "pair", "tokens"})


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A setup whose tasks read texts, or none of them does.

    Attributes:
        encoder: Name of one that serves all of them, but for columns beside texts.
        rows: Of train, of the largest task.
    """

    name: str
    tasks: tuple[Guess, ...]
    encoder: str
    rows: int

    @property
    def has_columns_beside(self) -> bool:
        """Whether some of them have such."""
        return any(task.has_columns_beside for task in self.tasks)

    @property
    def shares_rows(self) -> bool:
        """Whether one batch serves all of them."""
        return share_rows(self.tasks)


def propose(folder: Path, *, name: str | None = None) -> tuple[list[Proposal], list[MtlkdError]]:
    """A setup for the tasks of a folder, or one for texts and one for numbers; and what is wrong with other tables.

    Tasks are proposed only where their tables can be read so.

    Raises:
        MtlkdError: where the folder has no tables; where none can be a task, as `raise_all` does.
    """
    found = guess_tasks(found_data(folder))
    problems = list(found.problems)
    rows: dict[str, int] = {}
    tasks = []
    for task in found.tasks:
        with gather(problems):
            rows[task.name] = _train_rows(task, folder)
            tasks.append(task)
    if not tasks:
        raise_all(str(folder), problems)
    own = name or safe_name(folder.resolve().name)
    texts = [task for task in tasks if task.form in _TEXTS]
    others = [task for task in tasks if task.form not in _TEXTS]
    both = bool(texts and others)
    made = [
        Proposal(
            name=f"{own}_{suffix}" if both else own,
            tasks=tuple(of),
            encoder=_encoder(of),
            rows=max(rows[task.name] for task in of),
        )
        for suffix, of in (("texts", texts), ("columns", others))
        if of
    ]
    return made, problems


def _train_rows(task: Guess, folder: Path) -> int:
    """Rows that the task trains on."""
    manifest = parse_manifest({"name": "proposed", "tasks": {task.name: task.plain}}, where=task.name)
    (read,) = read_setup(manifest, FolderSource(folder)).tasks
    return len(read.splits["train"].row_ids)


def _encoder(tasks: Sequence[Guess]) -> str:
    if tasks[0].form not in _TEXTS:
        return "mlp"
    return "cnn" if any(task.kind == "tagging" for task in tasks) else "bag"
