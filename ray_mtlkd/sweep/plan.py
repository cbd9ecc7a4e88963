"""Which trials a sweep consists of: a search over configurations, then the best of each strategy on fresh seeds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from statistics import fmean
from typing import Any

from ray_mtlkd.data.features import Features
from ray_mtlkd.records import Stage
from ray_mtlkd.serial import dumps, fingerprint, loads
from ray_mtlkd.sweep import domains
from ray_mtlkd.sweep.design import Place
from ray_mtlkd.sweep.halving import Found, Run, Standing, spent_share, standing
from ray_mtlkd.sweep.names import safe_name, trial_name
from ray_mtlkd.sweep.space import SearchSpace
from ray_mtlkd.sweep.tpe import FIRST, round_of, standing_by_rounds, suggest
from ray_mtlkd.training.configuration import Configuration, ConfigurationReader, describe
from ray_mtlkd.training.job import Ladder

Key = tuple[str, Features]
"""Of tables: a setup's name, and what an encoder asks of it."""

_WHOLE = Ladder()
_FORESEEN = 64
"""Points of a design: of a choice between sixteen values, all but about one in sixty is among them."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training run: one strategy, one configuration, one seed, one setup.

    Attributes:
        name: Unique in the sweep and safe as a file name.
        index: Of the configuration.
        ladder: How far it goes, as a part of a search that halves.
    """

    name: str
    setup: str
    strategy: str
    stage: Stage
    index: int
    seed: int
    configuration: Configuration
    ladder: Ladder

    @property
    def run_name(self) -> str:
        """Unique in one run of a sweep, where a trial may go its way in several parts."""
        return self.name if self.ladder.until == 1 else f"{self.name}-to-{self.ladder.until:g}"

    @property
    def events(self) -> str:
        """Its folder among event files: what TensorBoard calls the run, part by part, so that a part picks its runs."""
        return f"{self.setup}/{safe_name(self.strategy)}/{self.stage}/c{self.index}-seed{self.seed}"

    @property
    def group(self) -> tuple[str, str]:
        """Trials of one group compete for one replication."""
        return self.setup, self.strategy

    @property
    def key(self) -> Key:
        """Of its tables."""
        return self.setup, self.configuration.architecture.features

    def dumps(self) -> str:
        """The trial as JSON, which anybody can read in Tune's folders; others' parts are found again by their names."""
        own = {part.name: getattr(self, part.name) for part in fields(self)}
        return dumps({**own, "configuration": describe(self.configuration)})

    @classmethod
    def loads(cls, text: str) -> "Trial":
        """The inverse of `dumps`; decodes the configuration.

        Raises:
            MtlkdError: where a part of somebody else's cannot be imported here.
        """
        told: dict[str, Any] = loads(dict[str, Any], text, where="trial", fix="start the sweep again")
        ladder = Ladder(rungs=tuple(told["ladder"]["rungs"]), until=told["ladder"]["until"])
        return cls(**{**told, "configuration": ConfigurationReader().read(told["configuration"]), "ladder": ladder})


class Plan:
    """All trials of a sweep, as far as they can be known before it has run.

    Args:
        space: What to compare.
        tasks: Number of tasks of each setup, by its name.
    """

    def __init__(self, space: SearchSpace, tasks: Mapping[str, int]) -> None:
        self._space = space
        self._tasks = tasks
        self._by_label = {strategy.label: strategy for strategy in space.strategies}
        self._reader = ConfigurationReader()
        self._known: dict[tuple[str, int, int], Configuration] = {}
        self._followed: dict[tuple[tuple[str, str], int], tuple[Place, Configuration]] = {}
        self._next: dict[tuple[str, str], int] = {}

    @property
    def groups(self) -> list[tuple[str, str]]:
        """Every setup with every strategy, in the order of the search space."""
        return [(setup, strategy.label) for setup in self._tasks for strategy in self._space.strategies]

    @property
    def indices(self) -> range:
        """Numbers of the configurations of a group."""
        return range(self._space.search.configurations)

    @property
    def known_indices(self) -> range:
        """Of these, the configurations that follow from no scores."""
        return self.indices[:FIRST] if self.follows_scores else self.indices

    @property
    def follows_scores(self) -> bool:
        """Whether what is tried later follows from what was found before."""
        return self._space.search.sampler == "tpe"

    @property
    def size(self) -> int:
        """Trials in all, where every group replicates."""
        return len(self.groups) * (self.search_size + self.chosen * len(self._space.replicate.seeds))

    @property
    def search_size(self) -> int:
        """Search trials of a group."""
        return self._space.search.configurations * len(self._space.search.seeds) if self.searches else 0

    @property
    def search_share(self) -> float:
        """Share of its budget that a search trial spends on average, where configurations can be compared early."""
        search = self._space.search
        return spent_share(search.configurations, rungs=search.rungs, least=self.chosen)

    @property
    def searches(self) -> bool:
        """Whether there is anything to choose: where all configurations are replicated, they are so right away."""
        return self._space.search.configurations > self.chosen

    @property
    def chosen(self) -> int:
        """How many configurations of a group are replicated."""
        return min(self._space.replicate.configurations, self._space.search.configurations)

    @property
    def search_runs(self) -> list[Run]:
        """A group's search trials by configuration and seed; none where there is nothing to choose."""
        return [(index, seed) for index in self.indices for seed in self._space.search.seeds] if self.searches else []

    def search_name(self, group: tuple[str, str], run: Run) -> str:
        """What one of a group's search trials is called."""
        setup, label = group
        return trial_name(setup, label, index=run[0], seed=run[1])

    def search(self, group: tuple[str, str]) -> list[Trial]:
        """A group's search trials, each to its end, as far as they follow from no scores."""
        return [self.search_trial(group, run, until=1.0) for run in self.search_runs if run[0] in self.known_indices]

    def search_trial(self, group: tuple[str, str], run: Run, *, until: float) -> Trial:
        """One of a group's search trials, up to a share of its budget."""
        index, seed = run
        ladder = Ladder(rungs=self._space.search.rungs, until=until)
        return self._trial(group, "search", index=index, seed=seed, ladder=ladder)

    def standing(self, found: Mapping[Run, Found]) -> Standing:
        """How far a group's search has come."""
        search = self._space.search
        if self.follows_scores:
            return standing_by_rounds(found, configurations=search.configurations, seeds=search.seeds)
        return standing(
            found, configurations=search.configurations, seeds=search.seeds, rungs=search.rungs, least=self.chosen
        )

    def follow(self, group: tuple[str, str], found: Mapping[Run, Found]) -> None:
        """Let the configurations be known that follow from the scores that have been found."""
        search, (setup, label) = self._space.search, group
        for index in self.indices[self._next.get(group, FIRST) :] if self.follows_scores else ():
            if (group, index) in self._followed:
                continue
            together = round_of(index)
            before = range(together.start)
            if len(found) < len(before) * len(search.seeds):
                return
            scores = [[found[at, seed].score for seed in search.seeds if (at, seed) in found] for at in before]
            if any(len(each) < len(search.seeds) for each in scores):
                return
            space, tasks = self._by_label[label], self._tasks[setup]
            places = [self._place(group, at) for at in before]
            seed = int(fingerprint((search.seed, setup, label, together.start))[:8], 16)
            for at, place in zip(together, suggest(places, scores, count=len(together), seed=seed), strict=True):
                values = space.design.values(at, tasks=tasks, place=place)
                self._followed[group, at] = place, self._reader.read(domains.fill(space.tree, values))
            self._next[group] = together.stop

    def _place(self, group: tuple[str, str], index: int) -> Place:
        if (group, index) in self._followed:
            return self._followed[group, index][0]
        setup, label = group
        return self._by_label[label].design.place(index, tasks=self._tasks[setup])

    def replicates(self, group: tuple[str, str], index: int) -> list[Trial]:
        """A group's replicate trials, with configuration number ``index``."""
        return [self._trial(group, "replicate", index=index, seed=seed) for seed in self._space.replicate.seeds]

    def distinct(self) -> Iterator[Trial]:
        """A trial for every configuration of every group."""
        return (self.example(group, index) for group in self.groups for index in self.known_indices)

    def example(self, group: tuple[str, str], index: int) -> Trial:
        """One of the replicate trials of a group with configuration number ``index``."""
        return self._trial(group, "replicate", index=index, seed=self._space.replicate.seeds[0])

    def foreseen(self) -> Iterator[Trial]:
        """Those, and where configurations follow scores, as many more as show what later ones may ask of the tables."""
        yield from self.distinct()
        for group in self.groups if self.follows_scores else ():
            (setup, label), first = group, self.example(group, 0)
            space = self._by_label[label]
            for index in range(FIRST, FIRST + _FORESEEN):
                values = space.design.values(index, tasks=self._tasks[setup])
                yield replace(first, configuration=self._reader.read(domains.fill(space.tree, values)))

    def _trial(self, group: tuple[str, str], stage: Stage, *, index: int, seed: int, ladder: Ladder = _WHOLE) -> Trial:
        setup, label = group
        return Trial(
            name=trial_name(setup, label, index=index, seed=seed),
            setup=setup,
            strategy=label,
            stage=stage,
            index=index,
            seed=seed,
            configuration=self._configuration(group, index),
            ladder=ladder,
        )

    def _configuration(self, group: tuple[str, str], index: int) -> Configuration:
        """Configuration number ``index`` of a group; without scores, setups of equally many tasks have the same."""
        if index not in self.known_indices:
            return self._followed[group, index][1]
        (setup, label) = group
        key = label, index, (tasks := self._tasks[setup])
        if key not in self._known:
            space = self._by_label[label]
            values = space.design.values(index, tasks=tasks)
            self._known[key] = self._reader.read(domains.fill(space.tree, values))
        return self._known[key]


def best_indices(scores: Mapping[int, Sequence[float | None]], *, most: int) -> list[int]:
    """The configurations with the best mean validation scores, best first; of equals, the first.

    Args:
        scores: Of each configuration's trials; None where one failed: such a configuration is never chosen.
        most: How many to choose.
    """
    ranked = [
        (-fmean(score for score in found if score is not None), index)
        for index, found in scores.items()
        if None not in found
    ]
    return [index for _, index in sorted(ranked)[:most]]
