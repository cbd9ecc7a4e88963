"""Texts, pairs of texts and lists of words, made into what an encoder of text asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.data.features import BagFeatures, Layout, TokenFeatures
from ray_mtlkd.data.inputs import Array, Bag, Inputs, Pair, Tokens
from ray_mtlkd.setups.columns import ColumnRule, Sort
from ray_mtlkd.setups.features import bag, overlap
from ray_mtlkd.setups.features.bag import WeightedNgrams
from ray_mtlkd.setups.features.overlap import Overlap
from ray_mtlkd.setups.features.tokens import HashedWords
from ray_mtlkd.setups.features.words import Words, listed, runs
from ray_mtlkd.setups.manifest import TaskSpec
from ray_mtlkd.setups.plain import whole
from ray_mtlkd.setups.unseen import Unseen

TextTags = Literal["none", "some", "all"]
_SPACE = pa.scalar(" ", pa.large_string())


@dataclass(frozen=True)
class TextColumns:
    """Where a task's texts stand: its columns are one text, the two of a pair, or one of lists of words.

    Attributes:
        separator: What stands between words, where a text holds their list.
    """

    names: tuple[str, ...]
    sort: Sort
    is_pair: bool
    separator: str | None = None

    @property
    def rules(self) -> Mapping[str, ColumnRule]:
        """How each column is read."""
        return dict.fromkeys(self.names, ColumnRule(sort=self.sort, separator=self.separator))

    @property
    def example(self) -> Mapping[str, object]:
        """A row of any words."""
        words = ["some", "words"]
        return dict.fromkeys(self.names, " ".join(words) if self.sort == "text" else words)

    def read(self, columns: pa.Table) -> list[Words]:
        """Each side's texts, cut at white space, or as the words that are given."""
        found = [whole(columns[name]) for name in self.names]
        if self.sort == "tokens":
            return [listed(found[0])]
        if self.is_pair or len(found) == 1:
            return [runs(column) for column in found]
        return [runs(pc.binary_join_element_wise(*found, _SPACE))]

    def texts(self, columns: pa.Table) -> list[list[Any]]:
        """Each side's texts as they are, or its lists of words."""
        found = [whole(columns[name]) for name in self.names]
        if self.sort == "text" and not self.is_pair and len(found) > 1:
            found = [pc.binary_join_element_wise(*found, _SPACE)]
        return [column.to_pylist() for column in found]


@dataclass(frozen=True)
class TextFeatures:
    """A fitted featuriser of texts: the same for every side; of a pair, also how far the sides overlap."""

    columns: TextColumns
    side: WeightedNgrams | HashedWords
    overlap: Overlap | None

    @property
    def rules(self) -> Mapping[str, ColumnRule]:
        """How each column is read."""
        return self.columns.rules

    @property
    def example(self) -> Mapping[str, object]:
        """A row of any words."""
        return self.columns.example

    @property
    def layout(self) -> Layout:
        """The shape of the inputs."""
        return self.side.layout if self.overlap is None else replace(self.side.layout, overlap=len(overlap.NAMES))

    def unseen(self, _columns: pa.Table) -> Mapping[str, Unseen]:
        """Nothing: texts have no categories."""
        return {}

    def transform(self, columns: pa.Table) -> Inputs[Array]:
        """Checked columns as inputs; a row depends on nothing but itself."""
        sides = self.columns.read(columns)
        made = [self.side.transform(side) for side in sides]
        return made[0] if self.overlap is None else Pair(made[0], made[1], self.overlap.transform(*sides))


Fitted = tuple[TextFeatures, Inputs[Array]]
"""A featuriser, and its train table's inputs, which fitting makes on the way."""


def fit_bags(tasks: Sequence[tuple[TaskSpec, pa.Table]], features: BagFeatures) -> list[Fitted]:
    """The featuriser of each task of a setup, by its train table."""
    columns = [text_columns(spec) for spec, _ in tasks]
    read = [at.read(train) for at, (_, train) in zip(columns, tasks, strict=True)]
    parts = zip(columns, bag.fit(read, features), read, strict=True)
    return [_fitted(at, weights, sides, bags) for at, (weights, bags), sides in parts]


def fit_tokens(
    tasks: Sequence[tuple[TaskSpec, pa.Table]], features: TokenFeatures, *, tags: Sequence[TextTags]
) -> list[Fitted]:
    """The featuriser of each task of a setup; rows of which every word has a tag are never cut.

    Args:
        tasks: With their train tables.
        features: What is asked for.
        tags: Which of them have tags: none, some or all of the tasks that read a table may be tagging.
    """
    columns = [text_columns(spec) for spec, _ in tasks]
    read = [at.read(train) for at, (_, train) in zip(columns, tasks, strict=True)]
    bags: dict[int, tuple[WeightedNgrams, list[Bag[Array]]]] = {}
    bagged = [at for at, tagged in enumerate(tags) if tagged != "all"]
    if features.bag is not None and bagged:
        bags = dict(zip(bagged, bag.fit([read[at] for at in bagged], features.bag), strict=True))
    fitted = []
    for task, (at, sides) in enumerate(zip(columns, read, strict=True)):
        length = features.max_length if tags[task] == "none" else None
        weights, beside = bags.get(task, (None, [None] * len(sides)))
        words = HashedWords(features.buckets, length, as_given=at.sort == "tokens", ngrams=weights)
        made = [words.beside(side, its_bag) for side, its_bag in zip(sides, beside, strict=True)]
        fitted.append(_fitted(at, words, sides, made))
    return fitted


def text_columns(spec: TaskSpec) -> TextColumns:
    """Where the texts of a task with one form of inputs stand."""
    if spec.tokens is not None:
        return TextColumns((spec.tokens,), "tokens", is_pair=False, separator=spec.separator_of(spec.tokens))
    return TextColumns(spec.input_columns, "text", is_pair=spec.pair is not None)


def _fitted(
    columns: TextColumns,
    side: WeightedNgrams | HashedWords,
    sides: Sequence[Words],
    made: Sequence[Bag[Array]] | Sequence[Tokens[Array]],
) -> Fitted:
    if not columns.is_pair:
        return TextFeatures(columns, side, None), made[0]
    comparison, table = overlap.fit(sides[0], sides[1])
    return TextFeatures(columns, side, comparison), Pair(made[0], made[1], table)
