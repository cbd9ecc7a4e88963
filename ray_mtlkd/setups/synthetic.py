"""Two built-in setups that need no files, drawn from one seeded latent-factor generator.

Inputs are ``x ~ N(0, I)`` of ``WIDTH`` numbers, of which the last ``DISTRACTORS`` mean nothing. All tasks of a setup
share the latent factors ``z = tanh(g tanh(g x A) B)`` (A, B random and fixed, g = ``GAIN``; each factor is then
standardised). A task scores a row by ``u = z M + noise · ε``, with a mixture M of some of the factors and
``ε ~ N(0, 1)``, in every split alike, and labels it:

- binary: ``u`` above its quantile;  multiclass: the largest u;  multilabel: every u above its quantile;
- regression: u itself;
- tagging: a sentence's tags are a random walk through O, B and I; every token is an x whose largest u is its tag.

What is planted is asynchronous convergence, as in the figures of Lu et al. 2022: train tables have 300 to 20 000 rows;
the smaller they are, the noisier their labels. A network that has room for it learns the noise of the small ones by
heart, so that under the sum of losses these fall early from their peaks, while the largest, whose labels have no noise,
still rises after ten epochs: the factors are hard to learn, and only its rows tell enough of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.setups.manifest import Manifest, TaskSpec

WIDTH = 32
DISTRACTORS = 8
HIDDEN = 8
FACTORS = 8
GAIN = 2.5
"""Steepness of both layers: the higher, the less linear are the factors."""
HELD_OUT_ROWS = 1500
"""Rows of valid and of test, so many that a metric's standard error stays near one point."""
HELD_OUT_SENTENCES = 600
"""The same for tagging; they have about as many spans."""

SAMPLE = 20_000
"""Inputs from which means, deviations and quantiles are estimated."""
TAGS = ("O", "B-A", "I-A", "B-B", "I-B")
NEXT_TAG = (
    (0.7, 0.15, 0.0, 0.15, 0.0),
    (0.4, 0.1, 0.4, 0.1, 0.0),
    (0.4, 0.1, 0.4, 0.1, 0.0),
    (0.4, 0.1, 0.0, 0.1, 0.4),
    (0.4, 0.1, 0.0, 0.1, 0.4),
)
"""Probability of the next tag, by tag; a sentence begins as if after O."""
SENTENCE_TOKENS = (4, 13)
"""Shortest sentence, and one more than the longest."""
POOL = 6
"""Inputs drawn a token, from which tokens of the wanted tags are taken."""

Floats = NDArray[np.float64]
Tables = Mapping[str, Mapping[str, pa.Table]]


@dataclass(frozen=True, kw_only=True)
class LabelRecipe:
    """How scores become labels.

    Attributes:
        label: Labels of scores [N, outputs], given the quantiles above which a score is positive [outputs].
        by_quantile: Whether labels ask for these quantiles.
        per_token: Whether rows are sentences, of which every token has a label.
    """

    kind: str
    metric: str
    label: Callable[[Floats, Floats], Any]
    by_quantile: bool = False
    per_token: bool = False


_YES = LabelRecipe(
    kind="binary", metric="f1", label=lambda u, cuts: (u[:, 0] > cuts[0]).astype(np.int64), by_quantile=True
)
_ONE = LabelRecipe(kind="multiclass", metric="accuracy", label=lambda u, _: u.argmax(axis=1))
_SOME = LabelRecipe(
    kind="multilabel",
    metric="average_precision",
    label=lambda u, cuts: [np.flatnonzero(row) for row in u > cuts],
    by_quantile=True,
)
_NUMBER = LabelRecipe(kind="regression", metric="pearson", label=lambda u, _: u[:, 0])
_TAGS = LabelRecipe(kind="tagging", metric="span_f1", label=lambda u, _: u.argmax(axis=1), per_token=True)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one task is drawn.

    Attributes:
        labels: What becomes of its scores.
        rows: Train rows (sentences, for tagging).
        outputs: Scores a row: classes, labels or tags; 1 where there is one answer.
        factors: How many of the latent factors the task reads; the fewer, the easier.
        noise: Standard deviation of the noise on scores, whose own is about 1.
        rate: Share of positive rows (binary) or of positive labels (multilabel).
    """

    labels: LabelRecipe
    rows: int
    outputs: int
    factors: int
    noise: float
    rate: float = 0.5


BUILT_IN: Mapping[str, Mapping[str, Recipe]] = {
    "similar": {
        "tiny_noisy": Recipe(labels=_ONE, rows=300, outputs=3, factors=6, noise=0.8),
        "small": Recipe(labels=_ONE, rows=800, outputs=5, factors=6, noise=0.7),
        "medium_noisy": Recipe(labels=_ONE, rows=2500, outputs=6, factors=6, noise=0.9),
        "large": Recipe(labels=_ONE, rows=7000, outputs=8, factors=8, noise=0.1),
        "huge_clean": Recipe(labels=_ONE, rows=20_000, outputs=12, factors=8, noise=0.0),
    },
    "diverse": {
        "churn": Recipe(labels=_YES, rows=300, outputs=1, factors=6, noise=0.9, rate=0.3),
        "segment": Recipe(labels=_ONE, rows=20_000, outputs=12, factors=8, noise=0.0),
        "interests": Recipe(labels=_SOME, rows=1600, outputs=6, factors=6, noise=1.0, rate=0.2),
        "spend": Recipe(labels=_NUMBER, rows=700, outputs=1, factors=6, noise=0.6),
        "events": Recipe(labels=_TAGS, rows=1500, outputs=5, factors=5, noise=0.2),
    },
}
"""The built-in setups, by name, each with its tasks."""

SEEDS: Mapping[str, int] = {"similar": 1, "diverse": 2}


@dataclass(frozen=True)
class World:
    """The latent factors that all tasks of a setup share."""

    first: Floats
    second: Floats
    mean: Floats
    deviation: Floats

    def factors(self, inputs: Floats) -> Floats:
        """Latent factors of inputs [N, WIDTH]: [N, FACTORS], each of mean 0 and variance 1."""
        latent: Floats = (_latent(inputs, self.first, self.second) - self.mean) / self.deviation
        return latent


def manifest_of(name: str) -> Manifest:
    """A built-in setup's manifest."""
    tasks = {task: _spec(task, recipe) for task, recipe in BUILT_IN[name].items()}
    return Manifest(name=name, tasks=tasks, source="generated, no files needed")


def generate(name: str, *, seed: int | None = None) -> Tables:
    """A built-in setup's tables, the same ones at every call; another draw of them from another seed."""
    recipes = BUILT_IN[name]
    roots = np.random.SeedSequence(SEEDS[name] if seed is None else seed).spawn(len(recipes) + 1)
    world = _world(np.random.default_rng(roots[0]))
    return {
        task: _draw_task(recipe, world, np.random.default_rng(root))
        for (task, recipe), root in zip(recipes.items(), roots[1:], strict=True)
    }


def _spec(task: str, recipe: Recipe) -> TaskSpec:
    return TaskSpec(
        kind=recipe.labels.kind,
        data=task,
        label="label",
        metric=recipe.labels.metric,
        vector=None if recipe.labels.per_token else "inputs",
        token_vectors="inputs" if recipe.labels.per_token else None,
    )


def _world(rng: np.random.Generator) -> World:
    first = rng.normal(size=(WIDTH, HIDDEN)) / np.sqrt(WIDTH - DISTRACTORS)
    first[WIDTH - DISTRACTORS :] = 0.0
    second = rng.normal(size=(HIDDEN, FACTORS)) / np.sqrt(HIDDEN)
    sample = _latent(rng.normal(size=(SAMPLE, WIDTH)), first, second)
    return World(first, second, sample.mean(axis=0), sample.std(axis=0))


def _latent(inputs: Floats, first: Floats, second: Floats) -> Floats:
    latent: Floats = np.tanh(GAIN * np.tanh(GAIN * inputs @ first) @ second)
    return latent


def _draw_task(recipe: Recipe, world: World, rng: np.random.Generator) -> dict[str, pa.Table]:
    task = _Scorer(world, _mixture(recipe, rng), recipe.noise)
    per_token = recipe.labels.per_token
    held_out = HELD_OUT_SENTENCES if per_token else HELD_OUT_ROWS
    rows: Mapping[Split, int] = {"train": recipe.rows, "valid": held_out, "test": held_out}
    if per_token:
        return {split: _draw_sentences(rows[split], task, rng) for split in SPLITS}
    cuts = _cuts(recipe, task, rng)
    return {split: _draw_rows(rows[split], recipe.labels, task, cuts, rng) for split in SPLITS}


def _cuts(recipe: Recipe, task: "_Scorer", rng: np.random.Generator) -> Floats:
    """The quantiles above which scores are positive, [outputs]; none where labels do not ask."""
    if not recipe.labels.by_quantile:
        return np.zeros(0)
    cuts: Floats = np.quantile(task.scores(rng.normal(size=(SAMPLE, WIDTH)), rng), 1 - recipe.rate, axis=0)
    return cuts


def _mixture(recipe: Recipe, rng: np.random.Generator) -> Floats:
    """How scores read the factors, [FACTORS, outputs]; every score has a variance of about 1 before noise."""
    read = rng.permutation(FACTORS)[: recipe.factors]
    mixture = np.zeros((FACTORS, recipe.outputs))
    mixture[read] = rng.normal(size=(recipe.factors, recipe.outputs))
    scaled: Floats = mixture / np.linalg.norm(mixture, axis=0)
    return scaled


@dataclass(frozen=True)
class _Scorer:
    world: World
    mixture: Floats
    noise: float

    def scores(self, inputs: Floats, rng: np.random.Generator) -> Floats:
        """Noisy scores of inputs, [N, outputs]."""
        clean = self.world.factors(inputs) @ self.mixture
        noisy: Floats = clean + self.noise * rng.normal(size=clean.shape)
        return noisy


def _draw_rows(rows: int, recipe: LabelRecipe, task: _Scorer, cuts: Floats, rng: np.random.Generator) -> pa.Table:
    inputs = rng.normal(size=(rows, WIDTH))
    labels = recipe.label(task.scores(inputs, rng), cuts)
    return pa.table({"inputs": _vectors(inputs), "label": pa.array(labels)})


def _draw_sentences(rows: int, task: _Scorer, rng: np.random.Generator) -> pa.Table:
    lengths = rng.integers(*SENTENCE_TOKENS, size=rows)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tags = _walks(lengths, rng)
    pool = rng.normal(size=(POOL * len(tags), WIDTH))
    largest = _TAGS.label(task.scores(pool, rng), np.zeros(0))
    inputs = np.empty((len(tags), WIDTH))
    for tag in range(len(TAGS)):
        wanted = tags == tag
        inputs[wanted] = pool[largest == tag][: wanted.sum()]
    places = pa.array(offsets)
    names = pa.array(np.array(TAGS)[tags])
    return pa.table(
        {
            "inputs": pa.LargeListArray.from_arrays(places, _vectors(inputs)),
            "label": pa.LargeListArray.from_arrays(places, names),
        }
    )


def _walks(lengths: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """The tags of sentences, end to end: I only follows B or I of its type."""
    borders = np.cumsum(NEXT_TAG, axis=1)[:, :-1]
    chances = rng.random((len(lengths), SENTENCE_TOKENS[1]))
    tags = np.zeros_like(chances, dtype=np.int64)
    state = tags[:, 0]
    for at in range(chances.shape[1]):
        state = (chances[:, at, None] >= borders[state]).sum(axis=1)
        tags[:, at] = state
    return tags[np.arange(chances.shape[1]) < lengths[:, None]]


def _vectors(inputs: Floats) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(inputs.astype(np.float32).ravel()), inputs.shape[1])
