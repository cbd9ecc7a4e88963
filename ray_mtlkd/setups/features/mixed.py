"""Inputs of several sorts beside each other, each made by a featuriser of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, cast

import pyarrow as pa

from ray_mtlkd.data.features import PARTS, InputPart, Layout
from ray_mtlkd.data.inputs import Array, Inputs, Mixed
from ray_mtlkd.setups.columns import ColumnRule
from ray_mtlkd.setups.features.featuriser import Featuriser
from ray_mtlkd.setups.unseen import Unseen


@dataclass(frozen=True)
class MixedFeaturiser:
    """A fitted featuriser for each sort of inputs that a task has; no two read the same column."""

    text: Featuriser | None = None
    columns: Featuriser | None = None
    vector: Featuriser | None = None

    @classmethod
    def of(cls, parts: Mapping[InputPart, tuple[Featuriser, Inputs[Array]]]) -> tuple[Self, Mixed[Array]]:
        """Of fitted parts, with what they make of the train table."""
        made = cls(**{part: featuriser for part, (featuriser, _) in parts.items()})
        return made, _mixed({part: inputs for part, (_, inputs) in parts.items()})

    @property
    def rules(self) -> Mapping[str, ColumnRule]:
        """How each column is read."""
        return {column: rule for featuriser in self._by_part.values() for column, rule in featuriser.rules.items()}

    @property
    def example(self) -> Mapping[str, object]:
        """A row that every part can read its columns of."""
        return {column: cell for featuriser in self._by_part.values() for column, cell in featuriser.example.items()}

    @property
    def layout(self) -> Layout:
        """The shape of the inputs, part by part."""
        parts = tuple((part, featuriser.layout) for part, featuriser in self._by_part.items())
        return Layout(form="Mixed", columns=tuple(name for _, of in parts for name in of.columns), parts=parts)

    def unseen(self, columns: pa.Table) -> Mapping[str, Unseen]:
        """What any part has, by column."""
        return {name: found for each in self._by_part.values() for name, found in each.unseen(columns).items()}

    def transform(self, columns: pa.Table) -> Mixed[Array]:
        """Checked columns as inputs, part by part.

        Raises:
            MtlkdError: where vectors have another length than in train.
        """
        return _mixed({part: featuriser.transform(columns) for part, featuriser in self._by_part.items()})

    @property
    def _by_part(self) -> dict[InputPart, Featuriser]:
        known: dict[InputPart, Featuriser | None] = {part: getattr(self, part) for part in PARTS}
        return {part: featuriser for part, featuriser in known.items() if featuriser is not None}


def _mixed(parts: Mapping[InputPart, Inputs[Array]]) -> Mixed[Array]:
    return Mixed(**cast(dict[str, None], parts))  # each is of the classes that its field has
