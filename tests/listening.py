"""A trainer whose balancer is overheard, and what a reference in double precision needs beside it."""

import copy
from dataclasses import fields, is_dataclass, replace

from ray_mtlkd.training.step.trainer import Trainer


def listen(job):
    """The trainer of a job, and a list of all that its balancer is told, with the generator as it was before."""
    strategy, heard = job.configuration.strategy, []
    kind = type(strategy.balancer)

    class Listener(kind):
        def weigh(self, signals, state):
            heard.append(replace(signals, rng=copy.deepcopy(signals.rng)))
            return super().weigh(signals, state)

    balancer = Listener(**{part.name: getattr(strategy.balancer, part.name) for part in fields(kind)})
    configuration = replace(job.configuration, strategy=replace(strategy, balancer=balancer))
    return Trainer(replace(job, configuration=configuration)), heard


def double(value):
    """The same inputs or labels with every float in double precision."""
    if is_dataclass(value):
        return type(value)(**{part.name: double(getattr(value, part.name)) for part in fields(value)})
    return value.double() if value is not None and value.is_floating_point() else value


def step(trainer, count):
    """One step of all tasks on their hard labels."""
    return trainer.step(range(count), soft={}, share=0.5)
