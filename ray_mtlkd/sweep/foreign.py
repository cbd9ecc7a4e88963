"""Teachers from elsewhere: what they say of setups' train tables, looked up once before anything starts."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from ray_mtlkd.data.examples import GivenLabels, SetupTables
from ray_mtlkd.data.inputs import Array
from ray_mtlkd.decode import join, unknown_keys
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.predict.foreign import given_labels
from ray_mtlkd.serial import fingerprint
from ray_mtlkd.setups.validated import ValidatedSetup

Teachers = Mapping[str, Mapping[str, str]]
"""Folders by setup and task."""


def taught_problems(teachers: Teachers, validated: Mapping[str, ValidatedSetup]) -> Iterator[MtlkdError]:
    """Setups and tasks that are not there."""
    yield from unknown_keys(teachers, validated, what="setup", where="teachers")
    for setup in filter(validated.__contains__, teachers):
        names = [task.task.name for task in validated[setup].tasks]
        yield from unknown_keys(teachers[setup], names, what="task", where=join("teachers", setup))


class ForeignTeachers:
    """What they say, asked once of each, whatever encoders' features the tables are made for.

    Args:
        teachers: Where they are.
    """

    def __init__(self, teachers: Teachers) -> None:
        self._teachers = teachers
        self._known: dict[tuple[str, str], GivenLabels[Array]] = {}

    def teach(
        self, validated: ValidatedSetup, tables: SetupTables[Array], *, say: Callable[[str], None]
    ) -> SetupTables[Array]:
        """The tables with the soft labels of those tasks that have a teacher.

        Raises:
            MtlkdError: where what is there does not fit the task or its table.
        """
        setup = validated.manifest.name
        folders = self._teachers.get(setup, {})
        if not folders:
            return tables
        parts = []
        for read, table in zip(validated.tasks, tables.tasks, strict=True):
            name = table.task.name
            if name in folders and (setup, name) not in self._known:
                say(f"asking the teacher of {setup}'s {name}")
                self._known[setup, name] = given_labels(folders[name], read, table)
            parts.append(replace(table, given=self._known.get((setup, name))))
        return replace(tables, tasks=tuple(parts), fingerprint=fingerprint((tables.fingerprint, self.content(setup))))

    def content(self, setup: str) -> dict[str, str]:
        """What decides trials' results: a hash of each task's soft labels, by path."""
        return {
            join("teachers", task): hashlib.blake2b(given.outputs.tobytes(), digest_size=16).hexdigest()
            for (known, task), given in sorted(self._known.items(), key=lambda item: item[0])
            if known == setup
        }
