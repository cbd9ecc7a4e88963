"""What the first runs of a trial have taken, and how the next one reports in the trial that they began."""

from dataclasses import dataclass, replace

from ray_mtlkd.records import Rung, TaskResult, later
from ray_mtlkd.training.job import Chosen, Keep, Ladder, Outcome, Report
from ray_mtlkd.training.state.progress import Evaluation
from ray_mtlkd.training.step.agreement import TaskAgreement


@dataclass(kw_only=True)
class Spent:
    """What the runs so far have taken."""

    steps: int = 0
    batches: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """Another one."""
        end = outcome.end
        self.steps += end.steps
        self.batches += end.batches
        self.wall_s += end.wall_s
        self.cpu_s += end.cpu_s

    def before(self, outcome: Outcome, *, ladder: Ladder) -> Outcome:
        """The next run's outcome, in a trial that began with those so far.

        Args:
            outcome: Of the next run, on its own ladder.
            ladder: Of the trial.
        """
        end = outcome.end
        early = len([share for share in ladder.rungs if share <= ladder.until]) - len(end.rungs)
        scores = [None] * early + [rung.score for rung in end.rungs]
        whole = replace(
            end,
            steps=end.steps + self.steps,
            batches=end.batches + self.batches,
            wall_s=end.wall_s + self.wall_s,
            cpu_s=end.cpu_s + self.cpu_s,
            rungs=[Rung(share=share, score=score) for share, score in zip(ladder.rungs, scores, strict=False)],
            stopped_at=None if end.stopped_at is None else ladder.until,
        )
        return Outcome(end=whole, tasks=self.later_tasks(outcome))

    def later_tasks(self, outcome: Outcome) -> tuple[TaskResult, ...]:
        """The results of the next run, with steps and batches counted on from the runs so far."""
        return tuple(later(task, steps=self.steps, batches=self.batches) for task in outcome.tasks)

    def quiet(self, report: Report, *, budget: int) -> Report:
        """A report of a teacher: how far the trial is, and nothing of tasks, which are not yet learned by its model."""
        told = self.shifted(report, budget=budget)

        def tell(evaluation: Evaluation) -> None:
            nothing = replace(evaluation, tasks=(), points=(), score=None, events=())
            told(replace(nothing, agreement=TaskAgreement(), penalties={}))

        return tell

    def shifted(self, report: Report, *, budget: int) -> Report:
        """A report that counts on from the runs so far."""
        steps, batches = self.steps, self.batches

        def tell(evaluation: Evaluation) -> None:
            report(
                replace(evaluation, step=evaluation.step + steps, batches=evaluation.batches + batches, budget=budget)
            )

        return tell

    def later_keep(self, keep: Keep) -> Keep:
        """Keeps a model with steps counted on from the runs so far."""
        steps = self.steps

        def tell(chosen: Chosen) -> None:
            keep(replace(chosen, step=chosen.step + steps))

        return tell
