"""What a sweep will cost, from a few steps measured here."""

import itertools
import math
import time
from dataclasses import dataclass

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
    """

    trials: int
    steps: int
    task_batches: int
    cpu_s: float


_MEASURED_STEPS = 12


def estimate(prepared: Prepared) -> CostEstimate:
    """Measure the first trial of each group for a few steps, and extrapolate to the whole plan."""
    plan = prepared.plan
    views = {key: as_tensors(tables) for key, tables in prepared.tables.items()}
    count, steps, batches, seconds = 0, 0, 0, 0.0
    for group in plan.groups:
        replicated = [plan.replicates(group, index) for index in plan.known_indices]
        # which configurations will be replicated is not known: at most the longest
        longest = sorted(replicated, key=lambda trials: -trials[0].configuration.training.steps)[: plan.chosen]
        # nor what follows from scores: about what is known by now
        searched = list(itertools.islice(itertools.cycle(plan.search(group)), plan.search_size))
        planned = [*searched, *itertools.chain(*longest)]
        configuration = planned[0].configuration
        job = Job(
            tables=views[planned[0].key],
            configuration=configuration,
            seed=0,
            gradient_bytes=prepared.space.resources.gradient_gb * 2**30,
        )
        per_step_s = _trial_seconds(job) / configuration.training.steps
        share = plan.search_share if _scores_early(job) else 1.0
        for trial in planned:
            training = trial.configuration.training
            spent = math.ceil(training.steps * (share if trial.stage == "search" else 1.0))
            count += 1
            steps += spent
            batches += spent * len(job.tables.tasks)
            seconds += per_step_s * spent
    return CostEstimate(trials=count, steps=steps, task_batches=batches, cpu_s=seconds)


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
    for _ in range(_MEASURED_STEPS):
        trainer.step(tasks, soft={}, share=0.5)
    step_s = (time.process_time() - started) / _MEASURED_STEPS
    started = time.process_time()
    metrics_of(trainer.model, job.tables, "valid", tasks)
    evaluation_s = time.process_time() - started
    torch.set_num_threads(threads)
    training = job.configuration.training
    return training.steps * step_s + (training.steps // training.eval_every) * evaluation_s
