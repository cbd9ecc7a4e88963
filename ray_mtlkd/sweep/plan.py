"""Which trials a sweep consists of: a search over configurations, then the best one of each strategy on fresh seeds."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ray_mtlkd.decode import join
from ray_mtlkd.records import Stage
from ray_mtlkd.sweep import domains
from ray_mtlkd.sweep.names import safe_name
from ray_mtlkd.sweep.resolve import configuration
from ray_mtlkd.sweep.space import SearchSpace, StrategySpace
from ray_mtlkd.training.settings import Configuration


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training run: one strategy, one configuration, one seed, one setup.

    Attributes:
        name: Unique in the sweep and safe as a file name.
        tree: The configuration as plain data; `ray_mtlkd.sweep.resolve.configuration` decodes it.
    """

    name: str
    setup: str
    strategy: str
    stage: Stage
    index: int
    seed: int
    tree: Mapping[str, Any]

    @property
    def group(self) -> tuple[str, str]:
        """Trials of one group compete for one replication."""
        return self.setup, self.strategy

    @property
    def configuration(self) -> Configuration:
        """The decoded configuration."""
        return configuration(self.tree)

    def dumps(self) -> str:
        """The trial as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> "Trial":
        """The inverse of `dumps`."""
        return cls(**json.loads(text))


class Plan:
    """All trials of a sweep, as far as they can be known before it has run.

    Args:
        space: What to compare.
        tasks: Number of tasks of each setup.
    """

    def __init__(self, space: SearchSpace, tasks: Mapping[str, int]) -> None:
        self._space = space
        self._tasks = tasks
        self._by_label = {strategy.label: strategy for strategy in space.strategies}

    @property
    def groups(self) -> list[tuple[str, str]]:
        """Every setup with every strategy, in the order of the search space."""
        return [(setup, strategy.label) for setup in self._space.setups for strategy in self._space.strategies]

    @property
    def size(self) -> int:
        """Trials in all, where every group replicates."""
        search = self._space.search.configurations if self.searches else 0
        return len(self.groups) * (search + len(self._space.replicate.seeds))

    @property
    def searches(self) -> bool:
        """Whether there is anything to choose: a single configuration is replicated right away."""
        return self._space.search.configurations > 1

    def search(self, group: tuple[str, str]) -> list[Trial]:
        """A group's search trials; none where there is only one configuration."""
        if not self.searches:
            return []
        seed = self._space.search.seed
        return [
            self._trial(group, "search", index=index, seed=seed) for index in range(self._space.search.configurations)
        ]

    def replicates(self, group: tuple[str, str], index: int) -> list[Trial]:
        """A group's replicate trials, with configuration number ``index``."""
        return [self._trial(group, "replicate", index=index, seed=seed) for seed in self._space.replicate.seeds]

    def distinct(self) -> Iterator[Trial]:
        """A trial for every configuration of every group."""
        for group in self.groups:
            yield from self.search(group) or self.replicates(group, 0)[:1]

    def _trial(self, group: tuple[str, str], stage: Stage, *, index: int, seed: int) -> Trial:
        setup, label = group
        return Trial(
            name=f"{safe_name(setup)}-{safe_name(label)}-c{index}-s{seed}",
            setup=setup,
            strategy=label,
            stage=stage,
            index=index,
            seed=seed,
            tree=self._fill(self._by_label[label], index, self._tasks[setup]),
        )

    def _fill(self, space: StrategySpace, index: int, tasks: int) -> Mapping[str, Any]:
        values = domains.draw(space.domains, seed=self._space.search.seed, index=index, tasks=tasks)
        filled: Mapping[str, Any] = domains.fill(space.tree, values)
        return filled


def best_index(scores: Mapping[int, float | None], *, count: int) -> int | None:
    """The configuration with the best validation score (the first of equals), None where all of them failed.

    Args:
        scores: By configuration; None where the trial failed.
        count: Number of configurations, all of which must be there.
    """
    if len(scores) != count:
        raise ValueError(f"{len(scores)} of {count} configurations have run")
    ranked = [(-score, index) for index, score in scores.items() if score is not None]
    return min(ranked)[1] if ranked else None


def flat(trial: Trial) -> dict[str, Any]:
    """A trial's hyper-parameters, defaults included, with the same sections for all: ``{"training.lr": 0.003, …}``."""
    decoded = trial.configuration
    curriculum, balancer = decoded.strategy.references
    architecture = decoded.architecture.describe()
    values: dict[str, Any] = {
        "curriculum.name": curriculum,
        "balancer.name": balancer,
    }
    sections: dict[str, Any] = {
        "training": decoded.training,
        "convergence": decoded.convergence,
        "kd": decoded.kd,
        "relabel": decoded.relabel,
        "curriculum": decoded.strategy.curriculum,
        "balancer": decoded.strategy.balancer,
    }
    for section, part in sections.items():
        values.update({f"{section}.{key}": _scalar(value) for key, value in asdict(part).items()})
    for section, part in _sections(architecture):
        values.update({f"{section}.{key}": _scalar(value) for key, value in part.items()})
    return values


def _sections(architecture: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What a described architecture has in it, by place."""
    for name, part in architecture.items():
        if isinstance(part, list):
            yield from ((join(name, at), each) for at, each in enumerate(part))
        else:
            yield name, part


def _scalar(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else value
