"""What a sweep will cost, from a few steps measured here."""

import itertools
import math
import time
from dataclasses import dataclass
from statistics import fmean

import torch

from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.sweep.prepare import Prepared
from ray_mtlkd.training.evaluation.evaluate import facts, metrics_of
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.step.trainer import Trainer


@dataclass(frozen=True, kw_only=True)
class CostEstimate:
    """What a sweep will cost at most: curricula that converge early need less.

    Attributes:
        task_batches: Physical task batches of all trials; ``steps``: these divided by the number of tasks.
        cpu_s: Seconds of one core, from a few steps and one evaluation measured here.
        measured: Pairs of a setup and a strategy that were measured; others take as long as these on average.
        pairs: Such pairs in all.
    """

    trials: int
    steps: int
    task_batches: int
    cpu_s: float
    measured: int
    pairs: int


@dataclass(frozen=True, kw_only=True)
class _Planned:
    """The trials of a group, and their steps together."""

    trials: int
    steps: int
    tasks: int

    @property
    def task_batches(self) -> int:
        return self.steps * self.tasks


_MEASURED_STEPS = 12
_LONG_S = 0.5
"""Of one model's steps: fewer of them tell enough."""
_ENOUGH_S = 3.0
"""Of all that is measured: what is left then is told by the rest."""


def estimate(prepared: Prepared) -> CostEstimate:
    """Measure a trial of each group for a few steps, as far as there are few, and extrapolate to the whole plan."""
    plan = prepared.plan
    views = {key: as_tensors(tables) for key, tables in prepared.tables.items()}
    order = [strategy.label for strategy in prepared.space.strategies]
    planned: dict[tuple[str, str], _Planned] = {}
    per_batch_s: dict[tuple[str, str], float] = {}
    began = time.process_time()
    for group in sorted(plan.groups, key=lambda group: order.index(group[1])):  # every setup before the next strategy
        trial = plan.example(group, 0)
        job = Job(
            tables=views[trial.key],
            configuration=trial.configuration,
            seed=0,
            gradient_bytes=prepared.space.resources.gradient_gb * 2**30,
        )
        planned[group] = _planned(prepared, group, job)
        if not per_batch_s or time.process_time() - began < _ENOUGH_S:
            per_batch_s[group] = _trial_seconds(job) / job.budget
    usual_s = fmean(per_batch_s.values())
    return CostEstimate(
        trials=sum(each.trials for each in planned.values()),
        steps=sum(each.steps for each in planned.values()),
        task_batches=sum(each.task_batches for each in planned.values()),
        cpu_s=sum(each.task_batches * per_batch_s.get(group, usual_s) for group, each in planned.items()),
        measured=len(per_batch_s),
        pairs=len(planned),
    )


def _planned(prepared: Prepared, group: tuple[str, str], job: Job) -> _Planned:
    plan, search, replicate = prepared.plan, prepared.space.search, prepared.space.replicate
    known = [plan.example(group, index).configuration.training.steps for index in plan.known_indices]
    # what follows from scores is not known: about what is known by now
    searched = list(itertools.islice(itertools.cycle(known), search.configurations)) if plan.searches else []
    # nor which configurations will be replicated: at most the longest
    longest = sorted(known, reverse=True)[: plan.chosen]
    share = plan.search_share if _scores_early(job) else 1.0
    steps = len(search.seeds) * sum(math.ceil(each * share) for each in searched) + len(replicate.seeds) * sum(longest)
    trials = len(search.seeds) * len(searched) + len(replicate.seeds) * len(longest)
    return _Planned(trials=trials, steps=steps, tasks=len(job.tables.tasks))


def _scores_early(job: Job) -> bool:
    """Whether all tasks train from the first step: a search that halves can compare no others early on."""
    curriculum = job.configuration.strategy.curriculum
    state, _ = curriculum.begin([facts(table) for table in job.tables.tasks])
    return "waiting" not in state.phases


def _trial_seconds(job: Job) -> float:
    return sum(map(_run_seconds, job.parts))


def _run_seconds(job: Job) -> float:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    trainer = Trainer(job)
    tasks = range(len(job.tables.tasks))
    trainer.step(tasks, soft={}, share=0.5)
    started = time.process_time()
    steps = 0
    while steps < _MEASURED_STEPS and time.process_time() - started < _LONG_S:
        trainer.step(tasks, soft={}, share=0.5)
        steps += 1
    step_s = (time.process_time() - started) / steps
    started = time.process_time()
    metrics_of(trainer.model, job.tables, "valid", tasks)
    evaluation_s = time.process_time() - started
    torch.set_num_threads(threads)
    training = job.configuration.training
    return training.steps * step_s + (training.steps // training.eval_every) * evaluation_s
