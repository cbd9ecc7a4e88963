"""What the teachers of a trial say of each task's tables."""

from dataclasses import replace

from torch import Tensor

from ray_mtlkd.training.ensemble import mean_outputs
from ray_mtlkd.training.evaluation.evaluate import measure, predict_all
from ray_mtlkd.training.job import Chosen, Job, Keep, Lesson, RelabelFunction, RelabelRequest, SoftLabels
from ray_mtlkd.training.transfer import transfer_set


class Lessons:
    """Collects what they say, until all were heard.

    Args:
        job: Of the student.
        relabel: Computes soft labels.
    """

    def __init__(self, job: Job, relabel: RelabelFunction) -> None:
        self._tables = job.tables.tasks
        self._rows = job.configuration.kd.rows
        self._asked = [transfer_set(job.tables, task, self._rows) for task in range(len(self._tables))]
        self._relabel = relabel
        self._train: list[list[SoftLabels]] = [[] for _ in self._tables]
        self._valid: list[list[Tensor]] = [[] for _ in self._tables]

    def listen(self, tasks: tuple[int, ...]) -> Keep:
        """Takes in what a teacher of these tasks says."""

        def hear(chosen: Chosen) -> None:
            for index, task in enumerate(tasks):
                table = self._tables[task]
                request = RelabelRequest(
                    task=table.task.name,
                    model=chosen.model,
                    index=index,
                    table=replace(table, train=self._asked[task].examples),
                    among=self._asked[task].among,
                    tasks=chosen.job.built_for,
                )
                self._train[task].append(self._relabel(request))
                self._valid[task].append(predict_all(chosen.model, index, table.valid))

        return hear

    def learnt(self) -> dict[int, Lesson]:
        """By task, when all teachers were heard."""
        return {task: self._lesson(task) for task in range(len(self._tables))}

    def _lesson(self, task: int) -> Lesson:
        table, said = self._tables[task], self._train[task]
        outputs = mean_outputs(table.task, [each.outputs for each in said])
        count = len(said)
        return Lesson(
            soft=replace(said[0], outputs=outputs),
            rows=self._rows,
            value=measure(table.task, mean_outputs(table.task, self._valid[task]), table.valid),
            who="a model that was trained before" if count == 1 else f"{count} models that were trained before",
        )
