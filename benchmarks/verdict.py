"""How often the report's verdict is wrong, and how often it finds what is there: made-up sweeps through the real code.

Eleven strategies are equal, or one is truly better by some points of skill. What a replicate trial reaches is its
strategy's truth, plus what its configuration adds (in part the same for all strategies), plus the seed's luck (the same
for all), plus its own luck; on test also what the strategy owes to the rows that the table happens to hold. Validation
and test share most of a trial's luck. Each strategy's configurations are the best of some by one noisy search trial.

Also what another machine would say that runs the same sweep: its trials have a luck of their own, since floating point
alone leads them elsewhere, but the same seeds, configurations and tables.

Beside it the rule of each comparison by itself: Student's t below six seeds, from there a percentile bootstrap over
seeds, a difference is shown where the interval excludes zero.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from benchmarks.record import Goal, Row, machine, save
from ray_mtlkd.report.best_baseline import BEST_BASELINE
from ray_mtlkd.report.runs import PER_TASK, PER_TRIAL, Runs, Setup, StrategyInfo, TaskInfo
from ray_mtlkd.report.section import Section, section
from ray_mtlkd.report.statistics import Floats
from ray_mtlkd.report.verdict import Verdict, decide

_ROLES = {
    "baseline": ("sum", "gradnorm", "pcgrad", "static", "uncertainty"),
    "kd": ("joint_kd", "sequential_kd"),
    "control": ("rewind_only", "sequential", "stop"),
    "reference": ("single_task",),
}
STRATEGIES = tuple(
    StrategyInfo(name=name, role=role, curriculum="joint", balancer="sum")
    for role, names in _ROLES.items()
    for name in names
)
BETTER = "joint_kd"
"""The strategy that is truly better where one is."""
MARGIN = 0.5
_TASK = TaskInfo(name="t", kind="multiclass", metric="accuracy", sign=1)
_RESAMPLES = 2000
_FEWEST_OF_A_BOOTSTRAP = 6
SEEDS = tuple(range(3, 11))


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Standard deviations in points of skill; those of a real sweep's trials are .1 to 2, of seeds .1 to 1.

    Attributes:
        gain: By how much one strategy is truly better.
        luck: Of a trial's own.
        unequal: Of the logarithm of ``luck`` over strategies.
        seeds: Of what a seed does to all strategies.
        configurations: Of what a configuration adds, for all strategies and for each by itself.
        rows: Of what a strategy owes to the rows of the test table.
        searched: How many configurations each strategy searches.
        replicated: How many of them run again.
        shared_luck: Share of a trial's own luck on validation that test has too.
    """

    gain: float = 0.0
    luck: float = 0.5
    unequal: float = 0.0
    seeds: float = 0.5
    configurations: tuple[float, float] = (0.0, 0.0)
    rows: float = 0.15
    searched: int = 8
    replicated: int = 1
    shared_luck: float = 0.8

    def sweep(self, draws: np.random.Generator, seeds: int, *, luck: np.random.Generator | None = None) -> Setup:
        """A setup of one task whose metric is its skill.

        Args:
            draws: What the world is drawn from.
            seeds: How many replicates a configuration has.
            luck: What trials' own luck is drawn from, where that is another than ``draws``.
        """
        count, luck = len(STRATEGIES), luck or draws
        truth = np.array([self.gain * (each.name == BETTER) for each in STRATEGIES])
        own_luck = self.luck * np.exp(self.unequal * draws.standard_normal(count))
        common, own = self.configurations
        effects = common * draws.standard_normal(self.searched) + own * draws.standard_normal((count, self.searched))
        searched = effects + own_luck[:, None] * luck.standard_normal((count, self.searched))
        picked = np.sort(np.argsort(-searched, axis=1)[:, : self.replicated], axis=1)
        shape = (count, seeds, self.replicated)
        lucks = [own_luck[:, None, None] * luck.standard_normal(shape) for _ in range(3)]
        level = truth[:, None, None] + np.take_along_axis(effects, picked, axis=1)[:, None]
        level = level + self.seeds * draws.standard_normal((1, seeds, 1))
        valid, test = (self.shared_luck**0.5 * lucks[0] + (1 - self.shared_luck) ** 0.5 * each for each in lucks[1:])
        from_rows = self.rows * draws.standard_normal((count, 1, 1))
        found = {"valid": level + valid, "test": level + test + from_rows}
        runs = [
            _runs(strategy, {split: values[at] for split, values in found.items()}, picked[at])
            for at, strategy in enumerate(STRATEGIES)
        ]
        return Setup(name="s", tasks=(_TASK,), runs=tuple(runs))

    def row_variances(self, _: Setup, strategies: Sequence[str]) -> Floats:
        """What resampling the test rows would find."""
        count = len(strategies)
        return 2 * self.rows**2 * (1 - np.eye(count))


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What one sweep's report said.

    Attributes:
        false: Whether a printed difference between equal strategies is shown; ``any_false`` of any pair.
        covered: Share of pairs whose own 95 % interval holds the truth.
        found: Whether the better strategy is shown to be better than ``sum``.
        shipped: What is shipped, None where it is not told.
        alone_false: Whether the rule of each comparison by itself shows a false difference from ``sum``.
        alone_found: Whether that rule shows the better one to be better than ``sum``.
    """

    false: bool
    any_false: bool
    covered: float
    found: bool
    shipped: str | None
    alone_false: bool
    alone_found: bool


def _report(world: Spread, setup: Setup) -> tuple[Section, Verdict | None]:
    """What the report compares, and its verdict."""
    part = section([setup], rows=world.row_variances, margin=MARGIN)
    part = part.in_family(part.pairs)
    return part, decide(part)


def judged(world: Spread, draws: np.random.Generator, seeds: int) -> Judged:
    """Make up a sweep, and let the report judge it."""
    part, verdict = _report(world, world.sweep(draws, seeds))
    names = list(part.comparison.strategies)
    better = part.comparison.better
    real = [at for at, name in enumerate(names) if name != BEST_BASELINE]
    truth = np.array([world.gain * (name == BETTER) for name in names])
    equal = truth[:, None] == truth[None]
    printed = np.zeros_like(better)
    for name in ("sum", "single_task", BEST_BASELINE):
        printed[:, names.index(name)] = printed[names.index(name)] = True
    square, upper = np.ix_(real, real), np.triu_indices(len(real), 1)
    total = sum(part.comparison.variances.values())
    half = (stats.t.ppf(0.975, part.comparison.df) * np.sqrt(total))[square][upper]
    errors = (part.comparison.means - (truth[:, None] - truth[None]))[square][upper]
    test = part.skills.test.mean(axis=2)
    alone = _alone(test - test[names.index("sum")])
    one = names.index(BETTER)
    return Judged(
        false=bool((better & printed & equal).any()),
        any_false=bool((better & equal)[square].any()),
        covered=float((np.abs(errors) <= half).mean()),
        found=bool(better[one, names.index("sum")]),
        shipped=None if verdict is None else verdict.ship,
        alone_false=bool((alone != 0)[[at for at in real if truth[at] == 0]].any()),
        alone_found=bool(alone[one] > 0),
    )


def outcomes(world: Spread, *, seeds: int, sweeps: int) -> list[Judged]:
    """What the reports of so many sweeps said: the same for the same arguments."""
    draws = np.random.default_rng(seeds)
    return [judged(world, draws, seeds) for _ in range(sweeps)]


@dataclass(frozen=True, kw_only=True)
class SaidTwice:
    """What the reports of one sweep said on two machines.

    Attributes:
        shipped: What is shipped, None where it is not told.
        reverse: Whether a strategy is better than another on one machine, and worse on the other.
    """

    shipped: tuple[str | None, str | None]
    reverse: bool

    @property
    def contradicts(self) -> bool:
        """Whether the two ship different strategies."""
        return None not in self.shipped and len(set(self.shipped)) > 1


def said_twice(world: Spread, *, seeds: int, sweeps: int) -> list[SaidTwice]:
    """What the reports of so many sweeps said on two machines each: the same for the same arguments."""
    found = []
    for at in range(sweeps):
        squares, shipped = [], []
        for number in range(2):
            draws, luck = np.random.default_rng((seeds, at)), np.random.default_rng((seeds, at, number))
            part, verdict = _report(world, world.sweep(draws, seeds, luck=luck))
            places = [part.comparison.strategies.index(each.name) for each in STRATEGIES]
            squares.append(part.comparison.better[np.ix_(places, places)])
            shipped.append(None if verdict is None else verdict.ship)
        found.append(SaidTwice(shipped=(shipped[0], shipped[1]), reverse=bool((squares[0] & squares[1].T).any())))
    return found


WORLDS: Mapping[str, Spread] = {
    "equal, one configuration": Spread(),
    "equal, two configurations": Spread(replicated=2, configurations=(0.3, 0.3)),
    "equal, two configurations that differ much": Spread(replicated=2, configurations=(0.5, 1.0)),
    "equal, two configurations that do not differ": Spread(replicated=2),
    "equal, unequal luck": Spread(unequal=0.5),
}
GAINS = (0.3, 1.0, 2.0)


def null_rows(name: str, world: Spread, seeds: int, found: Sequence[Judged]) -> list[Row]:
    """How often claims on equal strategies were false."""
    strict = world.unequal == 0
    case = f"{name}, n={seeds}"

    def share(what: str, wrong: Sequence[bool], goal: Goal | None) -> Row:
        return Row(case=case, what=what, figure=100 * float(np.mean(wrong)), unit="%", goal=goal)

    coverage = 100 * float(np.mean([each.covered for each in found]))
    return [
        share("false claim, printed", [each.false for each in found], ("at most", 6.0) if strict else None),
        share("false claim, any pair", [each.any_false for each in found], None),
        Row(case=case, what="coverage of 95 %", figure=coverage, unit="%", goal=("at least", 93.0) if strict else None),
        share("ships another than sum", [each.shipped not in (None, "sum") for each in found], ("at most", 5.0)),
        share("ships", [each.shipped is not None for each in found], None),
        share("each by itself: false claim over sum", [each.alone_false for each in found], None),
    ]


def power_rows(gain: float, seeds: int, found: Sequence[Judged]) -> list[Row]:
    """How often the better one was found."""
    case = f"+{gain:g} points, n={seeds}"
    shares = {
        "shown over sum": [each.found for each in found],
        "ships it": [each.shipped == BETTER for each in found],
        "each by itself: shown over sum": [each.alone_found for each in found],
        "each by itself: false claim over sum": [each.alone_false for each in found],
    }
    return [Row(case=case, what=what, figure=100 * float(np.mean(each)), unit="%") for what, each in shares.items()]


def second_rows(name: str, seeds: int, found: Sequence[SaidTwice]) -> list[Row]:
    """How often two machines contradict each other."""
    shares = {
        "two machines ship different strategies": ([each.contradicts for each in found], ("at most", 2.0)),
        "a pair is told the other way round": ([each.reverse for each in found], ("at most", 1.0)),
        "both ship": ([None not in each.shipped for each in found], None),
        "one of two ships": ([each.shipped.count(None) == 1 for each in found], None),
    }
    case = f"{name}, twice, n={seeds}"
    return [
        Row(case=case, what=what, figure=100 * float(np.mean(each)), unit="%", goal=goal)
        for what, (each, goal) in shares.items()
    ]


def main() -> None:
    """Simulate every world, and save the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds")
    parser.add_argument("--sweeps", type=int, default=500, help="made-up sweeps of each world and number of seeds")
    given = parser.parse_args()
    sweeps, numbers = (50, (3, 6)) if given.quick else (given.sweeps, SEEDS)
    started, began = machine(), time.perf_counter()
    rows = []
    for name, world in WORLDS.items():
        for seeds in numbers:
            rows += null_rows(name, world, seeds, outcomes(world, seeds=seeds, sweeps=sweeps))
    for gain in GAINS:
        for seeds in numbers:
            better = replace(WORLDS["equal, one configuration"], gain=gain)
            rows += power_rows(gain, seeds, outcomes(better, seeds=seeds, sweeps=sweeps))
    for gain in (0.0, *GAINS):
        for seeds in numbers:
            world = replace(WORLDS["equal, two configurations"], gain=gain)
            rows += second_rows(f"+{gain:g} points", seeds, said_twice(world, seeds=seeds, sweeps=sweeps))
    rows.append(Row(case="all", what="wall time", figure=time.perf_counter() - began, unit="s"))
    save("verdict", rows, settings={"sweeps": sweeps, "seeds": list(numbers)}, started=started)


def _runs(strategy: StrategyInfo, found: Mapping[str, Floats], picked: Floats) -> Runs:
    seeds, width = found["test"].shape
    metrics = {split: 0.5 + values.reshape(-1, 1) / 100 for split, values in found.items()}
    nothing = np.full((seeds * width, 1), np.nan)
    fixed = {"trivial": np.zeros_like(nothing), "perfect": np.ones_like(nothing), "weight": np.ones_like(nothing)}
    return Runs(
        strategy=strategy,
        keys=tuple(("w", seed) for seed in range(seeds) for _ in range(width)),
        configurations=tuple(int(index) for _ in range(seeds) for index in picked),
        trials=tuple(f"{strategy.name}-{at}" for at in range(seeds * width)),
        per_task={**dict.fromkeys(PER_TASK, nothing), **fixed, **metrics},
        per_trial=dict.fromkeys(PER_TRIAL, nothing[:, 0]),
        missing=(),
        untrained=((),) * (seeds * width),
    )


def _alone(differences: Floats) -> Floats:
    """+1 where a strategy [k, n] is shown to be better by itself, -1 where worse, else 0 [k]."""
    count = differences.shape[1]
    if count < _FEWEST_OF_A_BOOTSTRAP:
        half = stats.t.ppf(0.975, count - 1) * differences.std(axis=1, ddof=1) / count**0.5
        low, high = differences.mean(axis=1) - half, differences.mean(axis=1) + half
    else:
        resampled = np.random.default_rng(0).multinomial(count, [1 / count] * count, size=_RESAMPLES) / count
        low, high = np.quantile(differences @ resampled.T, [0.025, 0.975], axis=1)
    found: Floats = (low > 0).astype(np.float64) - (high < 0)
    return found


if __name__ == "__main__":
    main()
