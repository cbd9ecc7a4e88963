"""Two built-in setups that need no files, drawn from one seeded latent-factor generator.

Inputs are ``x ~ N(0, I)`` of ``WIDTH`` numbers, of which the last ``DISTRACTORS`` mean nothing. All tasks of a setup
share the latent factors ``z = tanh(g tanh(g x A) B)`` (A, B random and fixed, g = ``GAIN``; each factor is then
standardised). A task scores a row by ``u = z M + noise · ε``, with a mixture M of some of the factors and
``ε ~ N(0, 1)``, in every split alike, and labels it:

- binary: ``u`` above its quantile;  multiclass: the largest u;  multilabel: every u above its quantile;
- regression: u itself;
- tagging: a sentence's tags are a random walk through O, B and I; every token is an x whose largest u is its tag.

The tasks differ in train rows, noise, classes and number of factors, so that they converge at different times: a
small noisy one overfits early, a large clean one still gains when the others are done.
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
POOL = 10
"""Inputs drawn a token, from which tokens of the wanted tags are taken."""

Floats = NDArray[np.float64]
Tables = Mapping[str, Mapping[Split, pa.Table]]


@dataclass(frozen=True, kw_only=True)
class LabelRecipe:
    """How scores become labels.

    Attributes:
        label: Labels of scores [N, outputs], given the quantiles above which a score is positive [outputs].
        per_token: Whether rows are sentences, of which every token has a label.
    """

    kind: str
    metric: str
    label: Callable[[Floats, Floats], Any]
    per_token: bool = False


_YES = LabelRecipe(kind="binary", metric="f1", label=lambda u, cuts: (u[:, 0] > cuts[0]).astype(np.int64))
_ONE = LabelRecipe(kind="multiclass", metric="accuracy", label=lambda u, _: u.argmax(axis=1))
_SOME = LabelRecipe(
    kind="multilabel", metric="average_precision", label=lambda u, cuts: [np.flatnonzero(row) for row in u > cuts]
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
        "tiny_noisy": Recipe(labels=_ONE, rows=300, outputs=3, factors=2, noise=0.6),
        "small": Recipe(labels=_ONE, rows=800, outputs=4, factors=4, noise=0.5),
        "medium_noisy": Recipe(labels=_ONE, rows=2000, outputs=6, factors=5, noise=0.6),
        "large": Recipe(labels=_ONE, rows=5000, outputs=8, factors=8, noise=0.3),
        "huge_clean": Recipe(labels=_ONE, rows=8000, outputs=12, factors=8, noise=0.05),
    },
    "diverse": {
        "churn": Recipe(labels=_YES, rows=400, outputs=1, factors=3, noise=0.8, rate=0.3),
        "segment": Recipe(labels=_ONE, rows=6000, outputs=10, factors=8, noise=0.1),
        "interests": Recipe(labels=_SOME, rows=1500, outputs=6, factors=6, noise=0.5, rate=0.2),
        "spend": Recipe(labels=_NUMBER, rows=800, outputs=1, factors=4, noise=0.5),
        "events": Recipe(labels=_TAGS, rows=1200, outputs=5, factors=5, noise=0.2),
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


def generate(name: str) -> tuple[Manifest, Tables]:
    """A built-in setup's manifest and tables; the same ones at every call."""
    recipes = BUILT_IN[name]
    roots = np.random.SeedSequence(SEEDS[name]).spawn(len(recipes) + 1)
    world = _world(np.random.default_rng(roots[0]))
    specs = {task: _spec(task, recipe) for task, recipe in recipes.items()}
    tables = {
        task: _draw_task(recipe, world, np.random.default_rng(root))
        for (task, recipe), root in zip(recipes.items(), roots[1:], strict=True)
    }
    return Manifest(name=name, tasks=specs, source="generated, no files needed"), tables


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


def _draw_task(recipe: Recipe, world: World, rng: np.random.Generator) -> dict[Split, pa.Table]:
    task = _Scorer(world, _mixture(recipe, rng), recipe.noise)
    cuts = np.quantile(task.scores(rng.normal(size=(SAMPLE, WIDTH)), rng), 1 - recipe.rate, axis=0)
    rows: Mapping[Split, int] = {"train": recipe.rows, "valid": HELD_OUT_ROWS, "test": HELD_OUT_ROWS}
    if recipe.labels.per_token:
        return {split: _draw_sentences(rows[split], task, rng) for split in SPLITS}
    return {split: _draw_rows(rows[split], recipe.labels, task, cuts, rng) for split in SPLITS}


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
    offsets = np.concatenate([[0], np.cumsum(rng.integers(*SENTENCE_TOKENS, size=rows))])
    tags = np.concatenate([_walk(int(length), rng) for length in np.diff(offsets)])
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


def _walk(length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The tags of one sentence: I only follows B or I of its type."""
    tags = np.empty(length, np.int64)
    state = 0
    for at, chance in enumerate(rng.random(length)):
        state = int(np.searchsorted(np.cumsum(NEXT_TAG[state]), chance, side="right"))
        tags[at] = state
    return tags


def _vectors(inputs: Floats) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(inputs.astype(np.float32).ravel()), inputs.shape[1])
