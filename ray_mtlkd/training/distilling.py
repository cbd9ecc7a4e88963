"""Tasks that learn from their teachers: when they take a batch, on which targets, and what happens at the switch."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ray_mtlkd.strategies.curricula.base import Phase
from ray_mtlkd.training.job import Job, Lesson, RelabelFunction, RelabelRequest, SoftLabels
from ray_mtlkd.training.settings import Distillation, DistilledRows
from ray_mtlkd.training.state.checkpoint import Checkpoints
from ray_mtlkd.training.state.progress import Progress, Relabelled, TeacherStep
from ray_mtlkd.training.state.soft_labels import SoftTable, SoftTarget, soft_table
from ray_mtlkd.training.step.pull import PASSES
from ray_mtlkd.training.step.trainer import Trainer
from ray_mtlkd.training.teachers import Teacher
from ray_mtlkd.training.transfer import TransferSet, settled, transfer_set

_PARTS = 100
"""Of the budget, of which measuring one task takes one at most: short runs are there to train."""


def active(phases: Sequence[Phase], *, step: int, every: int) -> list[int]:
    """The tasks that take a batch in a physical step, ascending.

    All that learn from labels do, and beside them each that distils in one step of ``every``, one after the other so
    that steps stay alike. Where none learns from labels, all that distil do: no step is empty, and none is gained.
    """
    learning = [task for task, phase in enumerate(phases) if phase == "labels"]
    distilling = [task for task, phase in enumerate(phases) if phase == "distilling"]
    if not learning:
        return distilling
    return sorted([*learning, *(task for task in distilling if (step + task) % every == 0)])


def label_share(setting: Distillation, *, spent: float, since: float) -> float:
    """The labels' share of the loss of a task that distils, in [0, 1].

    Teacher annealing (Clark et al. 2019, arXiv:1907.04829, section 3.1: λ y + (1 - λ) f(x), λ from 0 to 1) begins at
    the switch here, and ends with the budget.

    Args:
        setting: `kd.label_weight`.
        spent: Share of the budget after the step.
        since: Share of it at the switch.
    """
    if setting.label_weight != "anneal":
        return setting.label_weight
    return min(1.0, (spent - since) / (1.0 - since)) if since < 1 else 1.0


class Distilling:
    """The soft labels of a run's tasks, and what they count.

    Args:
        job: What is trained.
        trainer: Its model.
        relabel: Computes a teacher's soft labels.
        checkpoints: Where they are kept.
    """

    def __init__(self, job: Job, *, trainer: Trainer, relabel: RelabelFunction, checkpoints: Checkpoints) -> None:
        self._setup = job.tables
        self._tables = job.tables.tasks
        self._built_for = job.built_for
        self._budget = job.budget
        self._settings = job.configuration.kd
        self._trainer = trainer
        self._relabel = relabel
        self._checkpoints = checkpoints
        self._soft: dict[int, SoftTable] = {}

    def resume(self, soft: Mapping[int, SoftTable], progress: Progress) -> None:
        """Go on with a checkpoint's soft labels."""
        for task, table in soft.items():
            self._teach(task, table, transfer_set(self._setup, task, progress.relabelled[task].rows))

    def targets(self, progress: Progress) -> dict[int, SoftTarget]:
        """What each task that distils learns from in the step that ends at this progress."""
        spent = progress.batches / self._budget
        found = {}
        for task, table in self._soft.items():
            if progress.curriculum.phases[task] != "distilling":
                continue  # it has gone back to its labels
            known = progress.relabelled[task]
            share = label_share(self._settings, spent=spent, since=known.batches / self._budget)
            found[task] = SoftTarget(table=table, teacher=(1.0 - share) * known.kd_weight, labels=share)
        return found

    def weight(self, task: int, progress: Progress) -> float | None:
        """Factor on the task's distillation loss, where it distils."""
        return progress.relabelled[task].kd_weight if progress.curriculum.phases[task] == "distilling" else None

    def switch(self, task: int, teacher: Teacher, progress: Progress, *, spare: int) -> str:
        """Relabel a task, and weigh what its teacher says; returns how it came to the weight.

        Args:
            task: Its index.
            teacher: Whose predictions it learns from now on.
            progress: Learns of it; is charged for what is measured.
            spare: Task batches that may be spent on that.
        """
        table, asked = self._tables[task], transfer_set(self._setup, task, self._settings.rows)
        labels = self._relabel(
            RelabelRequest(
                task=table.task.name,
                model=teacher.model,
                index=task,
                table=replace(table, train=asked.examples),
                among=asked.among,
                tasks=self._built_for,
            )
        )
        taught = self._learn(task, labels, self._settings.rows, progress)
        reason = self._weigh(task, progress, spare=spare, again=True)
        known, reached = progress.teachers[task], teacher.validated.value
        progress.teachers[task] = None if known is None else replace(known, value=reached, step=teacher.step)
        return f"{reason}{taught}"

    def leave(self, task: int, progress: Progress) -> None:
        """Let a task that goes back to its labels be weighed anew once it distils again; one may have no teacher."""
        if task in progress.relabelled and self._settings.kd_weight == "auto":
            progress.relabelled[task] = replace(progress.relabelled[task], weighed=False)

    def rejoin(self, task: int, progress: Progress, *, spare: int) -> str:
        """Let a task go on with the teacher that it has; returns its weight where that is measured anew."""
        if progress.relabelled[task].weighed:
            return ""
        return f", {self._weigh(task, progress, spare=spare, again=False)}"

    def unweighed(self, progress: Progress) -> list[int]:
        """Tasks that distil, whose weight is still to be measured."""
        phases = progress.curriculum.phases
        return [
            task for task, known in progress.relabelled.items() if not known.weighed and phases[task] == "distilling"
        ]

    def weigh(self, task: int, progress: Progress, *, spare: int) -> str:
        """Measure the weight of a task that had not moved on from its teacher at the switch; returns how."""
        return self._weigh(task, progress, spare=spare, again=False)

    def begin(self, task: int, lesson: Lesson, progress: Progress) -> str:
        """Let a task distil from the first step; there is no switch to measure at, and `auto` weighs 1."""
        taught = self._learn(task, lesson.soft, lesson.rows, progress)
        progress.teachers[task] = TeacherStep(value=lesson.value, step=None, noticed=None)
        reached = "" if lesson.value is None else f", at {lesson.value:.4f} on validation"
        return f"by {lesson.who}{reached}, weight {progress.relabelled[task].kd_weight:g}{taught}"

    def _learn(self, task: int, labels: SoftLabels, rows: DistilledRows, progress: Progress) -> str:
        """Take in what is said of such rows; returns which these are, where they are not the task's own alone."""
        table, given = self._tables[task], self._settings.kd_weight
        name = f"soft-{table.task.name}-{progress.step:08d}.arrow"
        kept = self._checkpoints.keep_soft(name, soft_table(labels.outputs, table.task, self._settings))
        taught = self._teach(task, kept, transfer_set(self._setup, task, rows))
        progress.soft[task] = name
        progress.relabelled[task] = Relabelled(
            where=labels.where,
            why=labels.why,
            rows=rows,
            tables=taught.tables,
            kd_weight=1.0 if given == "auto" else given,
            weighed=True,
            batches=progress.batches,
        )
        return "" if rows == "own" else f", on {taught}"

    def _teach(self, task: int, kept: SoftTable, asked: TransferSet) -> TransferSet:
        """Let a task draw the rows that its teacher was asked and is sure of."""
        table = self._tables[task]
        taught = settled(asked, table.task, kept, self._settings)
        self._soft[task] = kept.to(table.train.labels.device)
        self._trainer.teach(task, taught)
        return taught

    def _weigh(self, task: int, progress: Progress, *, spare: int, again: bool) -> str:
        """Weigh what the teacher says; once ``again`` where the student does not differ from it yet."""
        if self._settings.kd_weight != "auto":
            return f"weight {self._settings.kd_weight:g}"
        most, soft = self._settings.pull, SoftTarget(table=self._soft[task])
        most_batches = min(spare, max(PASSES, self._budget // _PARTS)) // PASSES
        found = self._trainer.pulls.measure(task, soft, step=progress.step, most=most_batches)
        progress.batches += PASSES * found.batches
        weight, later = found.weight(most), again and found.batches > 0 and found.still
        known = progress.relabelled[task]
        progress.relabelled[task] = replace(known, kd_weight=1.0 if later else weight, weighed=not later)
        if later:
            return "weight 1 until the next evaluation, by when the student has moved on from its teacher"
        if not found.batches:
            why = "nothing is shared" if most_batches > 0 else "no batch is left to measure by"
            return f"weight {weight:g}, since {why}"
        ratio = f"shared gradients of {found.teacher:.3g} beside {found.labels:.3g} on labels"
        return f"weight {weight:.3g} for a pull of at most {most:g}: {ratio} over {found.batches} batches"
